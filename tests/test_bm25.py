from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from rag.index.bm25 import Bm25Index
from rag.text.tokens import tokenize
from tests.fakes import PAPERS


def test_paper_that_shares_words_scores_and_others_do_not() -> None:
    scores = Bm25Index.build(PAPERS).scores(tokenize("walking on dunes"))
    assert scores[1] > 0
    assert list(scores[[0, 2]]) == [0, 0]


def test_scores_are_those_of_lucenes_bm25() -> None:
    papers = [replace(PAPERS[0], title="", abstract=text) for text in ("cat cat dog", "dog", "bird owl")]
    found = Bm25Index.build(papers, k1=1.2, b=0.5).scores(["cat", "dog"])
    cat, dog = math.log(1 + 2.5 / 1.5), math.log(1 + 1.5 / 2.5)  # in one, and in two, of three papers of 2 terms each
    longer, shorter = 1.2 * (0.5 + 0.5 * 3 / 2), 1.2 * (0.5 + 0.5 * 1 / 2)
    expected = [cat * 2 / (2 + longer) + dog / (1 + longer), dog / (1 + shorter), 0]
    assert found == pytest.approx(expected)


def test_document_frequency_counts_papers() -> None:
    papers = [replace(PAPERS[0], title="", abstract=text) for text in ("cat cat dog", "dog")]
    index = Bm25Index.build(papers)
    assert [index.document_frequency(term) for term in ("cat", "dog", "owl")] == [1, 2, 0]


def test_question_of_unknown_words_scores_nothing() -> None:
    assert list(Bm25Index.build(PAPERS).scores(["zebra", "123"])) == [0, 0, 0]


def test_collection_without_a_word_is_indexed_and_finds_nothing(tmp_path: Path) -> None:
    papers = [replace(PAPERS[0], title="?!", abstract="The of.")]
    Bm25Index.build(papers).save(tmp_path)
    assert list(Bm25Index.load(tmp_path).scores(["cach"])) == [0]


def test_saved_index_scores_the_same(tmp_path: Path) -> None:
    index = Bm25Index.build(PAPERS)
    index.save(tmp_path / "bm25")
    assert list(Bm25Index.load(tmp_path / "bm25").scores(["kv", "cach"])) == list(index.scores(["kv", "cach"]))
