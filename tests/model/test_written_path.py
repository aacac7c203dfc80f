"""The whole written path with a real model: `citedesk llm serve`, an index, and questions asked of both.

Needs the extra `llm` and a model file: one that `citedesk llm get` fetched, or the one that CITEDESK_TEST_GGUF names.
What is asserted holds for any model, however badly it writes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.cli.main import main
from rag.corpus.records import paper_to_record
from rag.local_llm.registry import SMALL_MODELS, model_folder
from rag.settings import Settings
from tests.conftest import PROJECT
from tests.fakes import SHELF


def model_file() -> Path | None:
    """Find the model to test with; at import, before the fixtures take the environment's settings away."""
    if named := os.environ.pop("CITEDESK_TEST_GGUF", None):  # no setting: Citedesk would refuse it
        return Path(named)
    home = Path(os.environ.get("CITEDESK_HOME") or Settings().home)
    files = [model_folder(home) / model.file for model in SMALL_MODELS.values()]
    return next((file for file in files if file.is_file()), None)


MODEL = model_file()
pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="needs pip install 'citedesk[llm]'"),
    pytest.mark.skipif(MODEL is None, reason="needs `citedesk llm get 0.5b`, or CITEDESK_TEST_GGUF"),
    pytest.mark.usefixtures("easy_ranker"),
]


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    """The settings that `citedesk llm serve` prints; it ends as it does at Ctrl-C."""
    command = [sys.executable, "-m", "rag", "llm", "serve", str(MODEL), "--port", "0", "--parallel", "1"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CITEDESK_")}
    with subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        lines = [server.stdout.readline().strip() for _ in range(4)]
        yield dict(line.split("=", 1) for line in lines)
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shelf")
    papers = folder / "papers.jsonl"
    papers.write_text("".join(json.dumps(paper_to_record(paper)) + "\n" for paper in SHELF), encoding="utf-8")
    assert main(["index", "--quiet", "--home", str(folder / "home"), str(papers)]) == 0
    return folder / "home"


@pytest.fixture(autouse=True)
def endpoint_set(served: dict[str, str], indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(indexed, tmp_path / "home")
    for name, value in served.items():
        monkeypatch.setenv(name, value)


def result(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "question",
    [
        "which papers cut the memory of the KV cache?",
        "by how much does Pebble cut the memory of the cache?",
        "Pebble versus Reef",
        "which yeast makes bread rise?",
    ],
)
def test_answer_can_be_checked_whatever_the_model_writes(question: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = result(capsys, "ask", question)
    assert answer["status"] in ("answered", "truncated", "refused", "extractive")
    assert answer["model"] or answer["notice"]
    cited = {citation["n"] for citation in answer["citations"]}
    assert {int(n) for n in re.findall(r"\[(\d+)\]", answer["answer"])} <= cited
    abstracts = {paper.paper_id: paper.abstract for paper in SHELF}
    for citation in answer["citations"]:
        for quote in citation["quotes"]:
            assert abstracts[citation["paper_id"]][quote["start"] : quote["end"]] == quote["text"]


def test_model_that_wrote_is_named_and_what_it_cost_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    answer = result(capsys, "ask", "by how much does Pebble cut the memory of the cache?")
    assert MODEL
    assert answer["model"] == MODEL.stem
    assert answer["usage"]["prompt_tokens"] > 100
    assert answer["usage"]["completion_tokens"] > 0


def test_answer_streams_to_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "which papers cut the memory of the KV cache?"]) == 0
    assert capsys.readouterr().out.strip()


def test_doctor_finds_the_endpoint_sound(capsys: pytest.CaptureFixture[str]) -> None:
    checks = {check["name"]: check["state"] for check in result(capsys, "doctor")["checks"]}
    assert {state for name, state in checks.items() if "endpoint" in name} == {"ok"}
