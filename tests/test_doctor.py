from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rag.cli.main import main
from tests.fakes import PAPERS, ScriptedEndpoint
from tests.indexes import index_corpus, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = write_corpus(tmp_path / "papers.jsonl", PAPERS)
    index_corpus(path, tmp_path / "home")
    return path


def examine(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    capsys.readouterr()
    code = main(["doctor", "--json", *arguments])
    report = json.loads(capsys.readouterr().out)
    return code, {check["name"]: (check["state"], check["detail"]) for check in report["checks"]}


def configure(monkeypatch: pytest.MonkeyPatch, endpoint: ScriptedEndpoint, model: str = "small-model") -> None:
    monkeypatch.setenv("CITEDESK_LLM_BASE_URL", endpoint.url)
    monkeypatch.setenv("CITEDESK_LLM_MODEL", model)
    monkeypatch.setenv("CITEDESK_LLM_API_KEY", "sesame")


def test_sound_installation_is_fine(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, checks = examine(capsys)
    assert code == 0
    assert {state for state, _ in checks.values()} == {"ok"}
    assert list(checks) == [
        "python", "packages", "encoder", "reranker", "cross-encoder", "home", "index", "corpus", "endpoint",
    ]  # fmt: skip
    assert ": 3 papers, " in checks["index"][1]


def test_damaged_weights_fail_with_their_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"torn")
    (tmp_path / "metadata.json").write_text('{"model_sha256": "0000"}')
    monkeypatch.setattr("rag.models.cross_encoder.FOLDER", tmp_path)
    code, checks = examine(capsys)
    assert (code, checks["encoder"][0], checks["cross-encoder"][0]) == (1, "ok", "fail")
    assert "model.onnx is damaged" in checks["cross-encoder"][1]
    assert "Reinstall Citedesk" in checks["cross-encoder"][1]


def test_missing_index_fails_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    code, checks = examine(capsys)
    assert (code, checks["index"][0]) == (1, "fail")
    assert "Run `citedesk index`" in checks["index"][1]


def test_corpus_that_changed_is_a_warning(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.write_text('{"title": "New", "abstract": "Text."}\n')
    code, checks = examine(capsys)
    assert (code, checks["corpus"]) == (0, ("warn", "changed since the index was built. Run `citedesk index`."))


def test_index_of_another_recipe_fails(
    corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEDESK_CHUNK_TOKENS", "128")
    code, checks = examine(capsys)
    assert (code, checks["index"][0]) == (1, "fail")


def test_model_of_an_extra_that_is_not_installed_fails(
    corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    monkeypatch.setenv("CITEDESK_EMBED_MODEL", "someone/model")
    code, checks = examine(capsys)
    said = "someone/model needs sentence-transformers, which is not installed. Run `pip install 'citedesk[embedders]'`."
    assert (code, checks["embedder"]) == (1, ("fail", said))


def test_folder_without_a_model_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEDESK_EMBED_MODEL", str(tmp_path))
    code, checks = examine(capsys)
    assert (code, checks["embedder"][0]) == (1, "fail")
    assert "contains no model. Set CITEDESK_EMBED_MODEL to a model folder, or remove it." in checks["embedder"][1]


def test_model_of_a_hub_is_a_warning(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEDESK_EMBED_MODEL", "someone/model")
    _, checks = examine(capsys)
    assert (checks["embedder"][0], checks["encoder"][0]) == ("warn", "ok")


def test_endpoint_that_answers_is_fine(
    corpus: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, endpoint)
    code, checks = examine(capsys)
    assert (code, checks["endpoint"][0], checks["answer"][0]) == (0, "ok", "ok")
    assert checks["structured output"] == (
        "warn",
        "the reply was not JSON of the given schema: steps that need structured output may fail",
    )
    assert checks["screening"] == (
        "ok",
        "the model took papers that do not belong, or none. Leave screen off.",
    )
    assert [request["max_tokens"] for request in endpoint.requests] == [32, 200, 200, 340, 340]


def test_model_that_the_endpoint_lacks_is_named(
    corpus: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, endpoint, "large-model")
    code, checks = examine(capsys)
    assert code == 1
    assert checks["model at endpoint"] == ("fail", "CITEDESK_LLM_MODEL is 'large-model'; the endpoint has small-model.")


def test_endpoint_without_a_model_gets_its_models_listed(
    corpus: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, endpoint, "")
    code, checks = examine(capsys)
    assert (code, checks["endpoint"][0], "answer" in checks) == (1, "ok", False)
    assert checks["model at endpoint"] == ("fail", "CITEDESK_LLM_MODEL is not set. Set it to one of small-model.")


def test_model_without_an_endpoint_fails(
    corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEDESK_LLM_MODEL", "small-model")
    code, checks = examine(capsys)
    assert (code, checks["endpoint"][0]) == (1, "fail")
    assert "CITEDESK_LLM_BASE_URL is not set" in checks["endpoint"][1]


def test_endpoint_that_refuses_the_key_names_the_setting(
    corpus: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, endpoint)
    endpoint.status, endpoint.body = 401, b'{"error": "no"}'
    code, checks = examine(capsys)
    assert (code, checks["answer"][0]) == (1, "fail")
    assert "check CITEDESK_LLM_API_KEY" in checks["answer"][1]


def test_endpoint_that_is_not_there_fails(
    corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEDESK_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("CITEDESK_LLM_MODEL", "m")
    code, checks = examine(capsys)
    assert (code, checks["endpoint"][0]) == (1, "fail")
    assert "cannot be reached" in checks["endpoint"][1]


def test_settings_are_shown_with_their_source_and_the_key_is_not(
    corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEDESK_LLM_API_KEY", "sesame")
    monkeypatch.setenv("CITEDESK_POOL", "50")
    capsys.readouterr()
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "CITEDESK_POOL = 50  [environment]" in out
    assert "CITEDESK_RERANK_DEPTH = 7  [default]" in out
    assert "CITEDESK_LLM_API_KEY = set, not shown  [environment]" in out
    assert "sesame" not in out
