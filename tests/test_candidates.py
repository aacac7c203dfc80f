from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from rag.index.library import Library
from rag.models.loading import Models
from rag.retrieval.candidates import Candidates, admitted_papers, retrieve
from rag.retrieval.encoded_query import EncodedQuery, QueryEncoder
from rag.retrieval.scoring import Logistic, PaperScorer
from rag.types import Filters, Hit, Query
from tests.fakes import (
    CACHE_PAPER,
    EASY_RANKER,
    QUANTUM_PAPER,
    ROBOT_PAPER,
    HashCrossEncoder,
    HashEncoder,
    hash_library,
)

QUESTION = "prune the KV cache"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    opened = hash_library(tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


def encoded(text: str) -> EncodedQuery:
    return QueryEncoder(Models(HashEncoder())).encode(text)


def candidates(library: Library, text: str = QUESTION, filters: Filters = Filters(), pool: int = 9) -> Candidates:
    return retrieve(library, [encoded(text)], admitted_papers(library, filters), pool)


def ranked(
    library: Library,
    cross_encoder: HashCrossEncoder,
    depth: int,
    text: str = QUESTION,
    weights: dict[str, float] | None = None,
    papers: tuple[str, ...] = (),
) -> tuple[Hit, ...]:
    ranker = EASY_RANKER if weights is None else EASY_RANKER.__class__(weights, Logistic({}, 0.0), {}, 0.5)  # type: ignore[arg-type]
    scorer = PaperScorer(library, cross_encoder, depth, ranker)
    query = Query(text, "list", text, papers=papers)
    return scorer.rank(query, encoded(text), candidates(library))


def ids(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.paper.paper_id for hit in hits]


def test_each_paper_has_every_signal(library: Library) -> None:
    found = candidates(library)
    assert set(found.paper_ids) == set(library.papers)
    assert list(found.signals) == ["dense", "lexical", "maxsim"]
    assert {values.shape for values in found.signals.values()} == {(3,)}


def test_paper_that_a_signal_did_not_propose_gets_the_lowest_score_that_it_gave(library: Library) -> None:
    lexical = candidates(library).signals["lexical"]
    assert lexical[0] > 0
    assert set(lexical) == {lexical[0]}  # BM25 found one paper alone, so that it tells none apart


def test_nothing_is_found_where_the_filters_admit_nothing(library: Library) -> None:
    assert candidates(library, filters=Filters(since="2030")).paper_ids == ()


def test_paper_is_scored_in_any_case_if_the_filters_admit_it(library: Library) -> None:
    always = [QUANTUM_PAPER.paper_id, "unknown"]
    query = [encoded(QUESTION)]
    assert QUANTUM_PAPER.paper_id in retrieve(library, query, None, 1, always).paper_ids
    assert QUANTUM_PAPER.paper_id not in retrieve(library, query, {CACHE_PAPER.paper_id}, 1, always).paper_ids


def test_cross_encoder_reads_to_its_depth_and_the_rest_get_the_lowest_logit(library: Library) -> None:
    cross_encoder = HashCrossEncoder()
    hits = ranked(library, cross_encoder, 2)
    ((question, texts),) = cross_encoder.asked
    assert (question, len(texts)) == (QUESTION, 2)
    logits = {hit.paper.paper_id: hit.signals["belongs"] for hit in hits}
    assert logits[CACHE_PAPER.paper_id] == 4.0
    assert sorted(logits.values()) == [-4.0, -4.0, 4.0]


def test_papers_are_ranked_by_the_weighted_signals(library: Library) -> None:
    hits = ranked(library, HashCrossEncoder(), 3, "robots slip on sand", {"belongs": 1.0})
    assert ids(hits)[0] == ROBOT_PAPER.paper_id
    assert hits[0].strength == pytest.approx(2**0.5)
    assert [hit.rank for hit in hits] == [1, 2, 3]


def test_ties_go_to_the_smaller_paper_id(library: Library) -> None:
    assert ids(ranked(library, HashCrossEncoder(), 3, "zebra", {"belongs": 1.0})) == [
        "1804.00003",
        "2305.00002",
        "2401.00001",
    ]


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
    assert scorer.rank(query, encoded(QUESTION), nothing) == ()
    assert cross_encoder.asked == []


def test_calibration_sets_the_probability_and_keeps_the_papers_that_are_admitted(library: Library) -> None:
    scorer = PaperScorer(library, None, 0, EASY_RANKER)
    hits = [
        Hit(1, CACHE_PAPER, 0.0, 0.0, {"dense": 0.5}),
        Hit(2, ROBOT_PAPER, 0.0, -1.0, {"dense": 0.1}),
    ]
    first, second = scorer.calibrate(Query(QUESTION, "fact", QUESTION), hits)
    assert (first.rank, first.score, first.strength, first.signals) == (1, 0.5, 0.0, {"dense": 0.5})
    assert second.score == pytest.approx(1 / (1 + np.e))
    only = scorer.calibrate(Query(QUESTION, "fact", QUESTION, papers=(ROBOT_PAPER.paper_id,)), hits)
    assert [(hit.rank, hit.paper) for hit in only] == [(1, ROBOT_PAPER)]
    assert scorer.calibrate(Query(QUESTION, "fact", QUESTION), []) == ()
