"""The steps of recall at the command line, with an endpoint on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.cli.main import main
from rag.errors import UsageError
from rag.settings import Settings, load_settings
from tests.fakes import PAPERS, ScriptedEndpoint
from tests.indexes import index_corpus, write_corpus

QUESTION = "which method prunes the KV cache?"
GOLD = {"id": "Q2", "type": "unanswerable", "question": "who bakes bread?", "relevant": []}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recall")
    index_corpus(write_corpus(folder / "papers.jsonl", PAPERS), folder / "home")
    return folder / "home"


@pytest.fixture
def asking(home: Path, endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch) -> ScriptedEndpoint:
    """An endpoint that is set, and that gives the same two queries to whatever it is asked."""
    for name, value in (("HOME", home), ("LLM_BASE_URL", endpoint.url), ("LLM_MODEL", "small-model")):
        monkeypatch.setenv(f"CITEDESK_{name}", str(value))
    endpoint.pieces = ("1. cache eviction\n", "2. pruning keys and values")
    return endpoint


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_search_shows_what_was_searched_for_besides_and_its_cost(
    asking: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "search", QUESTION, "--recall", "rewrite", "--json")
    found = json.loads(out)
    assert (code, found["notice"]) == (0, None)
    assert found["understood"]["further"] == ["cache eviction", "pruning keys and values"]
    assert (found["usage"]["calls"], found["usage"]["prompt_tokens"]) == (1, 70)
    assert list(found["usage"]["steps"]) == ["rewrite"]
    assert list(found["timings_ms"]) == ["read", "retrieve", "score", "recall", "total"]


def test_search_says_that_it_screens_nothing(asking: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "search", QUESTION, "--recall", "screen")
    assert (code, out.startswith("  1. Small Caches"), asking.requests) == (0, True, [])
    assert err.endswith(
        "Nothing was screened: screening decides which papers an answer cites, not how they are ranked.\n"
    )


def test_search_with_a_failing_endpoint_says_so_and_ranks(
    asking: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    asking.status, asking.body = 500, b"{}"
    code, out, err = run(capsys, "search", QUESTION, "--recall", "rewrite,hyde")
    assert (code, out.startswith("  1. Small Caches")) == (0, True)
    assert "Rewriting the question failed: The endpoint" in err
    assert err.endswith("The search went on without it and hyde.\n")
    assert len(asking.requests) == 1


def test_recall_without_the_llm_is_wrong_usage(asking: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "ask", QUESTION, "--recall", "rewrite,screen", "--no-llm", "--json")
    assert (code, asking.requests) == (2, [])
    assert err == "error: --recall needs the model that --no-llm turns off: use one of them.\n"


def test_list_is_screened_and_the_json_says_why(asking: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [{"paper": n, "why": "it is about something else.", "belongs": "no"} for n in (1, 2, 3)]
    asking.pieces = (json.dumps({"papers": entries}),)
    code, out, _ = run(capsys, "ask", QUESTION, "--kind", "list", "--recall", "screen", "--json")
    answer = json.loads(out)
    assert (code, answer["status"], answer["citations"]) == (0, "refused", [])
    assert {near["why"] for near in answer["near_misses"]} == {"it is about something else."}
    assert answer["usage"]["steps"]["screen"]["calls"] == 1
    _, out, _ = run(capsys, "ask", QUESTION, "--kind", "list", "--recall", "screen")
    assert out.count("\n    Screened: it is about something else.\n") == 3


def test_model_is_not_sent_again_what_it_turned_down(
    asking: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [{"paper": n, "why": "it is so.", "belongs": "yes" if n == 1 else "no"} for n in (1, 2, 3)]
    asking.pieces = (json.dumps({"papers": entries}),)
    run(capsys, "ask", QUESTION, "--kind", "list", "--recall", "screen", "--json")
    screened, written = (request["messages"][-1]["content"] for request in asking.requests)
    assert (screened.count("<paper>"), written.count("<paper>")) == (3, 1)


@pytest.mark.parametrize("command", ["ask", "search"])
def test_steps_without_an_endpoint_are_a_clear_error(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, command, QUESTION, "--recall", "rewrite")
    assert (code, out) == (2, "")
    assert err == (
        "error: CITEDESK_RECALL or --recall is rewrite, which needs a model: set CITEDESK_LLM_BASE_URL and "
        "CITEDESK_LLM_MODEL, or use none.\n"
    )


def test_step_that_there_is_not_is_a_clear_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "search", QUESTION, "--recall", "rewrite,magic")
    assert (code, err.count("\n")) == (2, 1)
    assert "argument --recall: not a step: magic. Use rewrite, hyde, iterate, screen, or none. See" in err
    with pytest.raises(UsageError, match="CITEDESK_RECALL: not a step: magic"):
        load_settings({}, {"CITEDESK_RECALL": "magic"}, tmp_path)


def test_steps_are_read_in_their_order_and_none_turns_them_off(tmp_path: Path) -> None:
    environ = {
        "CITEDESK_RECALL": " screen, Rewrite,screen",
        "CITEDESK_LLM_BASE_URL": "http://x/v1",
        "CITEDESK_LLM_MODEL": "m",
    }
    assert load_settings({}, environ, tmp_path).settings.recall == ("rewrite", "screen")
    assert load_settings({"recall": ()}, environ, tmp_path).settings.recall == ()
    assert load_settings({}, {"CITEDESK_RECALL": "none"}, tmp_path).settings == Settings(recall=())


def test_evaluation_keeps_the_steps_in_its_run_and_goes_on_with_them(
    asking: ScriptedEndpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(GOLD) + "\n")
    common = ("eval", "run", "--gold", str(gold), "--out", "one", "--quiet", "--retrieval-only")
    assert run(capsys, *common, "--recall", "rewrite,iterate")[0] == 0
    kept = json.loads(Path("one/run.json").read_text())["settings"]
    assert (kept["recall"], kept["recall_rounds"], kept["llm_model"]) == ("rewrite,iterate", 2, "small-model")
    assert "screen_depth" not in kept
    assert run(capsys, *common, "--recall", "rewrite,iterate")[0] == 0
    code, _, err = run(capsys, *common, "--no-llm", "--recall", "rewrite,iterate")
    assert (code, "recall rewrite,iterate, now None" in err) == (2, True)
