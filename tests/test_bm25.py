from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rag.index.bm25 import Bm25Index
from rag.text.tokens import tokenize
from tests.fakes import PAPERS


def test_paper_that_shares_words_scores_and_others_do_not() -> None:
    scores = Bm25Index.build(PAPERS).scores(tokenize("walking on dunes"))
    assert scores[1] > 0
    assert list(scores[[0, 2]]) == [0, 0]


def test_question_of_unknown_words_scores_nothing() -> None:
    assert list(Bm25Index.build(PAPERS).scores(["zebra", "123"])) == [0, 0, 0]


def test_collection_without_a_word_is_indexed_and_finds_nothing() -> None:
    papers = [replace(PAPERS[0], title="?!", abstract="The of.")]
    assert list(Bm25Index.build(papers).scores(["cach"])) == [0]


def test_saved_index_scores_the_same(tmp_path: Path) -> None:
    index = Bm25Index.build(PAPERS)
    index.save(tmp_path / "bm25")
    assert list(Bm25Index.load(tmp_path / "bm25").scores(["kv", "cach"])) == list(index.scores(["kv", "cach"]))
