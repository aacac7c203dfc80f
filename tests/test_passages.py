from __future__ import annotations

import numpy as np

from rag.index.library import Library
from rag.models.loading import Models
from rag.retrieval.encoded_query import EncodedQuery, QueryEncoder
from rag.retrieval.passages import abstract_sentences, sentence_scores
from rag.types import Paper
from tests.fakes import CACHE_PAPER, HashEncoder


def read(text: str) -> EncodedQuery:
    return QueryEncoder(Models(HashEncoder())).encode(text)


def test_sentences_are_spans_of_the_abstract() -> None:
    assert [CACHE_PAPER.abstract[start:end] for start, end in abstract_sentences(CACHE_PAPER)] == [
        "Key-value caches fill the memory of a server.",
        "We present Pebble, which prunes the KV cache and cuts its memory by 2.57times.",
        "Accuracy stays within 0.1 points on eight tasks.",
    ]


def test_abstract_without_a_sentence_is_one_span() -> None:
    assert abstract_sentences(Paper("x", "X", "   ")) == ((0, 3),)


def test_sentence_that_holds_the_questions_words_matches_best(library: Library) -> None:
    spans = abstract_sentences(CACHE_PAPER)
    matches = sentence_scores(library, read("Pebble prunes"), CACHE_PAPER, spans)
    assert matches[1] == max(matches) > 0.9
    assert all(-1 <= match <= 1 for match in matches)


def test_question_without_weight_is_scored_too(library: Library) -> None:
    spans = abstract_sentences(CACHE_PAPER)
    matches = sentence_scores(library, read(""), CACHE_PAPER, spans)
    assert len(matches) == 3
    assert all(np.isfinite(matches))
