from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from rag.index.library import Library
from rag.retrieval.encoded_query import EncodedQuery, QueryEncoder
from rag.retrieval.passages import abstract_sentences, best_passage, sentence_scores
from rag.types import Paper
from tests.fakes import CACHE_PAPER, PAPERS, HashEncoder, HashTokenEncoder, hash_library

FILLER = "Nothing that matters stands in this rather long sentence of many words. "
LONG = Paper("long", "A Long Story", f"{FILLER * 9}Pebble prunes the cache. {FILLER * 9}".strip())
ENDLESS = Paper("endless", "No End", "and then nothing happened to them " * 30 + "at all")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    opened = hash_library(tmp_path_factory.mktemp("home"), (*PAPERS, LONG, ENDLESS))
    yield opened
    opened.close()


def read(library: Library, text: str) -> EncodedQuery:
    return QueryEncoder(HashEncoder(), HashTokenEncoder(), library.bm25).encode(text)


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
    matches = sentence_scores(library, read(library, "Pebble prunes"), CACHE_PAPER, spans)
    assert matches[1] == max(matches) > 0.9
    assert all(-1 <= match <= 1 for match in matches)


def test_words_that_are_in_no_rarity_count_alike(library: Library) -> None:
    spans = abstract_sentences(CACHE_PAPER)
    matches = sentence_scores(library, read(library, "of the"), CACHE_PAPER, spans)
    assert len(matches) == 3
    assert all(np.isfinite(matches))


def test_without_token_vectors_no_sentence_scores(library: Library) -> None:
    spans = abstract_sentences(CACHE_PAPER)
    reading = QueryEncoder(HashEncoder(), None, library.bm25).encode("Pebble prunes")
    assert sentence_scores(library, reading, CACHE_PAPER, spans) == [0.0, 0.0, 0.0]


def test_short_abstract_is_read_whole(library: Library) -> None:
    window = best_passage(library, read(library, "Pebble"), CACHE_PAPER)
    assert window == f"Small Caches. {CACHE_PAPER.abstract}"


def test_of_a_long_abstract_the_run_around_the_nearest_sentence_is_read(library: Library) -> None:
    window = best_passage(library, read(library, "Pebble prunes the cache"), LONG)
    assert "Pebble prunes the cache." in window
    stretch = window.removeprefix("A Long Story. ")
    assert stretch in LONG.abstract
    assert len(stretch) <= 450
    assert stretch[0] == "N" or stretch.startswith("Pebble")


def test_sentence_that_is_too_long_is_read_all_the_same(library: Library) -> None:
    window = best_passage(library, read(library, "happened"), ENDLESS)
    assert window == f"No End. {ENDLESS.abstract}"
