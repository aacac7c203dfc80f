from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from rag.index.bm25 import Bm25Index, Postings, indexed_text
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
    Bm25Index.build(papers)._postings.save(tmp_path)
    assert list(Bm25Index(Postings.load(tmp_path), np.arange(1)).scores(["cach"])) == [0]


def test_scores_follow_the_order_of_papers() -> None:
    postings = Postings.empty().updated((), {row: indexed_text(paper) for row, paper in enumerate(PAPERS)})
    scores = Bm25Index(postings, np.array([2, 0, 1])).scores(["robot", "cach"])
    assert list(scores) == list(Bm25Index.build(PAPERS).scores(["robot", "cach"])[[2, 0, 1]])


def test_updated_postings_are_those_of_a_fresh_build(tmp_path: Path) -> None:
    words = ["cat", "dog", "owl", "öse", "zebra", "ant", "bee"]
    choose = Random(3)

    def text() -> str:
        return " ".join(choose.choices(words, k=choose.randrange(6)))

    texts = {row: text() for row in range(40)}
    postings = Postings.empty().updated((), texts)
    for _ in range(12):
        removed = choose.sample(sorted(texts), 5)
        texts = {row: kept for row, kept in texts.items() if row not in removed}
        added = {row: text() for row in (*removed[:3], max(texts) + choose.randrange(1, 3))}
        postings = postings.updated(removed, added)
        postings.save(tmp_path)
        postings = Postings.load(tmp_path)
        texts |= added
        papers = [replace(PAPERS[0], title="", abstract=texts[row]) for row in sorted(texts)]
        fresh, updated = Bm25Index.build(papers), Bm25Index(postings, np.array(sorted(texts)))
        for word in tokenize(" ".join(words)):
            assert updated.document_frequency(word) == fresh.document_frequency(word)
            assert list(updated.scores([word])) == list(fresh.scores([word]))
