from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.index.library import Library
from rag.models.loading import Models
from rag.query.names import LibraryNames
from rag.retrieval.admitted import admitted, mask_of
from rag.retrieval.candidates import Candidates, retrieve
from rag.retrieval.encoded_query import EncodedQuery, QueryEncoder
from rag.retrieval.reranking import SENTENCES, Reranker
from rag.retrieval.scoring import Logistic, PaperScorer, Ranker
from rag.types import Filters, Hit, Paper, Query
from tests.fakes import (
    CACHE_PAPER,
    EASY_RANKER,
    QUANTUM_PAPER,
    ROBOT_PAPER,
    HashCrossEncoder,
    HashEncoder,
    hash_library,
    ids,
)

QUESTION = "prune the KV cache"
UNDECIDED = replace(EASY_RANKER, relevance=Logistic({}, 0.0))


def encoded(text: str) -> EncodedQuery:
    return QueryEncoder(Models(HashEncoder())).encode(text)


def candidates(library: Library, text: str = QUESTION, filters: Filters = Filters(), pool: int = 9) -> Candidates:
    return retrieve(library, [encoded(text)], admitted(filters, library.papers, LibraryNames(library.papers)), pool)


def ranked(
    library: Library,
    cross_encoder: HashCrossEncoder,
    depth: int,
    text: str = QUESTION,
    ranker: Ranker = UNDECIDED,
    papers: tuple[str, ...] = (),
) -> tuple[Hit, ...]:
    scorer = PaperScorer(library, cross_encoder, depth, ranker)
    query = Query(text, "list", text, papers=papers)
    return scorer.rank(query, candidates(library), scorer.open_reranker(encoded(text)))


def test_each_paper_has_every_signal(library: Library) -> None:
    found = candidates(library)
    assert set(found.paper_ids) == set(library.papers)
    assert list(found.signals) == ["dense", "lexical", "maxsim"]
    assert {values.shape for values in found.signals.values()} == {(3,)}


def test_paper_without_a_word_of_the_question_has_no_bm25(library: Library) -> None:
    assert sorted(candidates(library).signals["lexical"] > 0) == [False, False, True]


def test_nothing_is_found_where_the_filters_admit_nothing(library: Library) -> None:
    assert candidates(library, filters=Filters(since="2030")).paper_ids == ()


def test_paper_is_scored_in_any_case_if_the_filters_admit_it(library: Library) -> None:
    always = [QUANTUM_PAPER.paper_id, "unknown"]
    query = [encoded(QUESTION)]
    only = mask_of(library.papers.positions([CACHE_PAPER.paper_id]), library.papers)
    assert QUANTUM_PAPER.paper_id in retrieve(library, query, None, 1, always).paper_ids
    assert QUANTUM_PAPER.paper_id not in retrieve(library, query, only, 1, always).paper_ids


def test_cross_encoder_reads_to_its_depth_and_nothing_is_known_of_the_rest(library: Library) -> None:
    cross_encoder = HashCrossEncoder()
    hits = ranked(library, cross_encoder, 2)
    ((question, texts),) = cross_encoder.asked
    assert (question, len(texts)) == (QUESTION, 2)
    assert sum("belongs" in hit.signals for hit in hits) == sum("answers" in hit.signals for hit in hits) == 2


def test_paper_has_the_probability_of_its_depth(library: Library) -> None:
    hits = ranked(library, HashCrossEncoder(), 3)
    logit = 0.5 / (1 + np.exp(-4))
    assert (hits[0].paper, hits[0].strength) == (CACHE_PAPER, pytest.approx(logit))
    assert hits[0].score == pytest.approx(1 / (1 + np.exp(-logit)))
    assert [hit.rank for hit in hits] == [1, 2, 3]
    fast = ranked(library, HashCrossEncoder(), 0)
    assert {hit.score for hit in fast} == {0.5}


def test_paper_that_was_read_and_turned_down_stays_ahead_of_those_that_were_not_read(library: Library) -> None:
    harsh = replace(EASY_RANKER, relevance=Logistic({"lexical": 3.0}, -3.0), reranked=Logistic({}, -9.0))
    hits = ranked(library, HashCrossEncoder(), 1, ranker=harsh)
    assert (hits[0].paper, hits[0].strength) == (CACHE_PAPER, hits[1].strength)
    assert hits[0].score < hits[1].score < 0.05


def test_ties_go_to_the_smaller_paper_id(library: Library) -> None:
    assert ids(ranked(library, HashCrossEncoder(), 3, "zebra")) == ["1804.00003", "2305.00002", "2401.00001"]


def test_what_was_read_is_not_read_again(library: Library) -> None:
    cross_encoder = HashCrossEncoder()
    reranker = Reranker(cross_encoder, library, encoded(QUESTION))
    first = reranker.read([CACHE_PAPER, ROBOT_PAPER])
    assert reranker.read([ROBOT_PAPER, CACHE_PAPER]) == first[::-1]
    assert [len(texts) for _, texts in cross_encoder.asked] == [2]
    assert len(first[0].sentences) == 3 and first[0].sentences[1] == max(first[0].sentences)


def test_only_the_nearest_sentences_of_a_long_abstract_are_read(tmp_path: Path) -> None:
    dull = [f"Sentence {word} says nothing." for word in ("one", "two", "three", "four", "five")]
    text = " ".join([*dull[:3], "We prune the cache.", *dull[3:]])
    opened = hash_library(tmp_path, (Paper("long", "Pebble", text), ROBOT_PAPER))
    cross_encoder = HashCrossEncoder()
    (found,) = Reranker(cross_encoder, opened, encoded("prune cache")).read([opened.papers["long"]])
    ((_, (read,)),) = cross_encoder.asked
    assert read.startswith("Pebble. Sentence ") and "We prune the cache." in read and read.count(".") == 1 + SENTENCES
    assert len(found.sentences) == 6
    assert found.sentences[3] == max(found.sentences)
    assert found.sentences.count(min(found.sentences)) >= 6 - SENTENCES + 1
    opened.close()


def test_paper_that_spells_a_word_otherwise_is_found_and_read_in_its_own_spelling(tmp_path: Path) -> None:
    joined = Paper("j", "Bilevel Search", "We study bilevel search.")
    hyphened = Paper("h", "Bi-level Search", "We study bi-level search.")
    opened = hash_library(tmp_path, (joined, hyphened, CACHE_PAPER, ROBOT_PAPER))
    found = retrieve(opened, [encoded("bilevel")], None, 9, respelt=encoded("bi-level"))
    cross_encoder = HashCrossEncoder()
    scorer = PaperScorer(opened, cross_encoder, 2, replace(EASY_RANKER, relevance=Logistic({"lexical": 9.0}, -3.0)))
    hits = scorer.rank(Query("bilevel", "list", "bilevel"), found, scorer.open_reranker(encoded("bilevel"), "bi-level"))
    assert sorted(ids(hits[:2])) == ["h", "j"]
    assert sorted((question, len(texts)) for question, texts in cross_encoder.asked) == [
        ("bi-level", 1),
        ("bilevel", 1),
    ]
    opened.close()


def test_depth_beyond_the_candidates_reads_all(library: Library) -> None:
    cross_encoder = HashCrossEncoder()
    ranked(library, cross_encoder, 50)
    assert [len(texts) for _, texts in cross_encoder.asked] == [3]


def test_papers_that_a_question_is_about_are_read_first(library: Library) -> None:
    cross_encoder = HashCrossEncoder()
    ranked(library, cross_encoder, 1, papers=(QUANTUM_PAPER.paper_id,))
    ((_, (text,)),) = cross_encoder.asked
    assert text.startswith(QUANTUM_PAPER.title)


def test_nothing_found_is_not_scored(library: Library) -> None:
    cross_encoder = HashCrossEncoder()
    scorer = PaperScorer(library, cross_encoder, 2, EASY_RANKER)
    query = Query(QUESTION, "list", QUESTION)
    nothing = candidates(library, filters=Filters(since="2030"))
    assert scorer.rank(query, nothing, scorer.open_reranker(encoded(QUESTION))) == ()
    assert cross_encoder.asked == []
