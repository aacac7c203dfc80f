"""What the shipped weights have to do with the default models; every other test brings weights of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.cli.main import main
from tests.fakes import SHELF
from tests.indexes import index_corpus, write_corpus


@pytest.fixture
def _shelf(tmp_path: Path) -> None:
    index_corpus(write_corpus(tmp_path / "shelf.jsonl", SHELF), tmp_path / "home")


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
