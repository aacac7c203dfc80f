from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.benchmarks.fusion import reciprocal_rank_fusion

RANKINGS = st.lists(st.lists(st.sampled_from("pqrstu"), unique=True), min_size=1)


def test_scores_are_summed_reciprocal_ranks() -> None:
    fused = reciprocal_rank_fusion([["p", "q"], ["q", "r"]], k=1)
    assert fused == [("q", pytest.approx(5 / 6)), ("p", pytest.approx(1 / 2)), ("r", pytest.approx(1 / 3))]


def test_ties_go_to_the_smaller_id() -> None:
    assert [each for each, _ in reciprocal_rank_fusion([["q"], ["p"]])] == ["p", "q"]


@given(RANKINGS, st.integers(1, 100))
def test_every_id_is_there_once_in_falling_order(rankings: list[list[str]], k: int) -> None:
    fused = reciprocal_rank_fusion(rankings, k)
    assert sorted(each for each, _ in fused) == sorted({each for ids in rankings for each in ids})
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= len(rankings) / (k + 1) + 1e-9 for score in scores)


@given(RANKINGS)
def test_rising_in_one_ranking_never_lowers_the_score(rankings: list[list[str]]) -> None:
    first, *others = rankings
    if len(first) < 2:
        return
    raised = [first[1], first[0], *first[2:]]
    after, before = dict(reciprocal_rank_fusion([raised, *others])), dict(reciprocal_rank_fusion(rankings))
    assert after[first[1]] > before[first[1]]
