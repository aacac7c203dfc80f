"""What the shipped weights have to do with the default models; every other test brings weights of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.cli.main import main
from rag.corpus.records import paper_to_record
from tests.fakes import SHELF


@pytest.fixture
def _shelf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shelf.jsonl"
    path.write_text("".join(json.dumps(paper_to_record(paper)) + "\n" for paper in SHELF), encoding="utf-8")
    assert main(["index", "--quiet", str(path)]) == 0
    capsys.readouterr()


@pytest.mark.usefixtures("_shelf")
@pytest.mark.parametrize("flags", [[], ["--fast"]])
def test_plain_question_is_answered_and_a_foreign_one_refused(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    for question in ("How does Pebble cut the memory of the KV cache?", "Which oven bakes sourdough bread fastest?"):
        assert main(["ask", question, "--json", *flags]) == 0
        answer = json.loads(capsys.readouterr().out)
        asked.append((answer["status"], [cited["paper_id"] for cited in answer["citations"][:1]]))
    assert asked == [("extractive", ["2401.00001"]), ("refused", [])]
