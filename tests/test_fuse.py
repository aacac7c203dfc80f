from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.fusion import fuse

RANKINGS = st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("pqrstu"), unique=True), min_size=1)


def test_scores_are_weighted_reciprocal_ranks() -> None:
    fused = fuse({"dense": ["p", "q"], "lexical": ["q", "r"]}, {"dense": 2.0, "lexical": 1.0}, k=1)
    assert fused == [("q", pytest.approx(7 / 9)), ("p", pytest.approx(2 / 3)), ("r", pytest.approx(2 / 9))]


def test_first_everywhere_scores_one() -> None:
    assert fuse({"a": ["p"], "b": ["p"]}, {"a": 1.0, "b": 3.0}, k=60) == [("p", pytest.approx(1.0))]


def test_ties_go_to_the_smaller_id() -> None:
    assert [each for each, _ in fuse({"a": ["q"], "b": ["p"]}, {"a": 1.0, "b": 1.0}, k=60)] == ["p", "q"]


def test_ranking_of_weight_zero_takes_no_part() -> None:
    assert [each for each, _ in fuse({"a": ["q"], "b": ["p"]}, {"a": 1.0, "b": 0.0}, k=60)] == ["q"]


@given(RANKINGS, st.integers(1, 100))
def test_every_id_is_there_once_in_falling_order(rankings: dict[str, list[str]], k: int) -> None:
    fused = fuse(rankings, dict.fromkeys(rankings, 1.0), k)
    assert sorted(each for each, _ in fused) == sorted({each for ids in rankings.values() for each in ids})
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 + 1e-9 for score in scores)


@given(RANKINGS)
def test_rising_in_one_ranking_never_lowers_the_score(rankings: dict[str, list[str]]) -> None:
    name = next(iter(rankings))
    if len(rankings[name]) < 2:
        return
    raised = {**rankings, name: [rankings[name][1], rankings[name][0], *rankings[name][2:]]}
    weights = dict.fromkeys(rankings, 1.0)
    risen = rankings[name][1]
    assert dict(fuse(raised, weights, 60))[risen] > dict(fuse(rankings, weights, 60))[risen]
