"""The measurement of a server under load, on a small collection and for a short time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.speed import load
from tests.fakes import SHELF
from tests.indexes import index_corpus, write_corpus

CONTENT = {"citations": [{"title": "Caches"}], "near_misses": [{"title": "Robots (second edition)"}]}


def test_answer_with_titles_of_both_editions_is_of_no_one_generation() -> None:
    assert load._answered(CONTENT)[0] == "of two generations"
    assert load._answered({**CONTENT, "near_misses": []})[0] == "answered"


@pytest.mark.slow
@pytest.mark.parametrize("how", [("--minutes", "0.2"), ("--minutes", "0.2", "--endpoint"), ("--swaps", "2")])
def test_every_client_gets_an_answer_or_a_word(
    how: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", SHELF), tmp_path / "home")
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"question": "which papers prune the KV cache"}\n{"question": "robots on sand"}\n')
    assert load.main(["--home", str(tmp_path / "home"), "--gold", str(gold), "--clients", "10", *how]) == 0
    report = json.loads(capsys.readouterr().out)
    found = {outcome for outcomes in report["outcomes"].values() for outcome in outcomes}
    assert "answered" in found
    assert not found & {"nothing", "of two generations"}
