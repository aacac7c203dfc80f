from __future__ import annotations

from dataclasses import replace

import pytest

from rag.evidence import SentenceChooser
from rag.extractive import write_extractive
from rag.lexical import LexicalIndex
from rag.types import Evidence, Quote
from tests.fakes import CACHE_PAPER, PAPERS, ROBOT_PAPER, HashEmbedder


@pytest.fixture
def chooser() -> SentenceChooser:
    return SentenceChooser(HashEmbedder(), LexicalIndex.build(PAPERS))


def test_best_sentence_is_quoted_verbatim_at_its_offsets(chooser: SentenceChooser) -> None:
    question = "Which method prunes the KV cache?"
    (evidence,) = chooser.evidence(question, HashEmbedder().embed_query(question), [CACHE_PAPER])
    (quote,) = evidence.quotes
    assert quote.text == "We present Pebble, which prunes the KV cache and cuts its memory by 2.57times."
    assert CACHE_PAPER.abstract[quote.start : quote.end] == quote.text


def test_papers_are_numbered_in_the_order_given(chooser: SentenceChooser) -> None:
    vector = HashEmbedder().embed_query("dunes")
    evidence = chooser.evidence("dunes", vector, [ROBOT_PAPER, CACHE_PAPER])
    assert [(each.n, each.paper.paper_id) for each in evidence] == [(1, "2305.00002"), (2, "2401.00001")]


def test_no_papers_give_no_evidence(chooser: SentenceChooser) -> None:
    assert chooser.evidence("dunes", HashEmbedder().embed_query("dunes"), []) == ()


def test_endless_abstract_is_searched_only_where_it_shares_words(chooser: SentenceChooser) -> None:
    paper = replace(CACHE_PAPER, abstract="Nothing to see here at all. " * 300 + "Dunes are walked on.")
    embedder = HashEmbedder()
    chooser = SentenceChooser(embedder, LexicalIndex.build(PAPERS))
    (evidence,) = chooser.evidence("walked dunes", embedder.embed_query("walked dunes"), [paper])
    assert evidence.quotes[0].text == "Dunes are walked on."
    assert len(embedder.embedded) == 31


def test_quote_that_is_not_verbatim_is_refused() -> None:
    with pytest.raises(ValueError, match="not verbatim"):
        Evidence(1, CACHE_PAPER, (Quote("Key-value caches empty the memory", 0, 33),))


def test_extractive_answer_is_readable_and_marks_gaps() -> None:
    sentences = (
        "Key-value caches fill the memory of a server.",
        "We present Pebble, which prunes the KV cache and cuts its memory by 2.57times.",
        "Accuracy stays within 0.1 points on eight tasks.",
    )

    def answer(*texts: str) -> str:
        starts = [CACHE_PAPER.abstract.index(text) for text in texts]
        quotes = tuple(Quote(text, start, start + len(text)) for text, start in zip(texts, starts, strict=True))
        return write_extractive([Evidence(4, CACHE_PAPER, quotes)])

    assert answer(*sentences[1:]) == (
        "- We present Pebble, which prunes the KV cache and cuts its memory by 2.57×. "
        "Accuracy stays within 0.1 points on eight tasks. [4]"
    )
    assert answer(sentences[0], sentences[2]) == (
        "- Key-value caches fill the memory of a server. … Accuracy stays within 0.1 points on eight tasks. [4]"
    )
