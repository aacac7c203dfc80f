from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.scoring import Logistic, Ranker, best_cut, load_ranker, missed_range, standardize, strengths

CHANCES = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=6).map(lambda found: sorted(found, reverse=True))


def expected_f1(probabilities: list[float], kept: int) -> float:
    total = 0.0
    for labels in product((0, 1), repeat=len(probabilities)):
        chance = math.prod(p if label else 1 - p for p, label in zip(probabilities, labels, strict=True))
        total += chance * 2 * sum(labels[:kept]) / (kept + sum(labels))
    return total


def test_standard_scores_have_mean_0_and_deviation_1() -> None:
    assert standardize(np.array([1.0, 3.0])).tolist() == [-1.0, 1.0]
    assert standardize(np.array([2, 4, 4, 4, 5, 5, 7, 9], np.float32)).tolist() == [-1.5, -0.5, -0.5, -0.5, 0, 0, 1, 2]


@pytest.mark.parametrize("values", [[], [0.3], [7.0, 7.0, 7.0], [0.1 + 0.2, 0.3]])
def test_values_that_are_all_the_same_become_0(values: list[float]) -> None:
    assert standardize(np.array(values)).tolist() == [0.0] * len(values)


def test_strength_is_the_weighted_sum_of_standard_scores() -> None:
    signals = {"dense": np.array([1.0, 3.0]), "lexical": np.array([20.0, 10.0])}
    assert strengths(signals, {"dense": 2.0, "lexical": 0.5}).tolist() == [-1.5, 1.5]  # type: ignore[arg-type]


def test_signal_that_is_missing_or_has_no_weight_is_left_out() -> None:
    signals = {"dense": np.array([1.0, 3.0]), "maxsim": np.array([9.0, 8.0])}
    assert strengths(signals, {"dense": 2.0, "rerank": 5.0, "maxsim": 0.0}).tolist() == [-2.0, 2.0]  # type: ignore[arg-type]
    assert strengths(signals, {}).tolist() == [0.0, 0.0]  # type: ignore[arg-type]
    assert strengths({}, {"dense": 1.0}).tolist() == []


@pytest.mark.parametrize(
    ("probabilities", "kept"),
    [
        ([], 0),
        ([0.01], 1),
        ([0.0, 0.0], 1),
        ([0.9, 0.1], 1),
        ([0.9, 0.8, 0.1], 2),
        ([0.9, 0.5, 0.5, 0.5], 4),
        ([0.99, 0.97, 0.9, 0.04, 0.02], 3),
        ([0.3, 0.3, 0.3], 3),
    ],
)
def test_cut_is_where_the_probable_papers_end(probabilities: list[float], kept: int) -> None:
    assert best_cut(probabilities) == kept


@given(CHANCES)
def test_cut_keeps_between_one_and_all_papers(probabilities: list[float]) -> None:
    assert 1 <= best_cut(probabilities) <= len(probabilities)


@given(CHANCES)
def test_cut_comes_near_the_greatest_expected_f1(probabilities: list[float]) -> None:
    exact = [expected_f1(probabilities, kept) for kept in range(1, len(probabilities) + 1)]
    assert exact[best_cut(probabilities) - 1] >= max(exact) - 0.06


@given(CHANCES)
def test_paper_more_probable_than_half_is_kept(probabilities: list[float]) -> None:
    assert best_cut(probabilities) >= sum(p > 0.5 for p in probabilities)


@pytest.mark.parametrize(
    ("left", "bounds"),
    [
        ([], (0, 0)),
        ([1.0, 1.0, 0.0], (2, 2)),
        ([0.04, 0.02, 0.01], (0, 0)),
        ([0.5] * 4, (1, 3)),
        ([0.3, 0.2, 0.1], (0, 1)),
        ([0.25] * 48, (9, 15)),
    ],
)
def test_missed_papers_are_estimated_as_a_range(left: list[float], bounds: tuple[int, int]) -> None:
    assert missed_range(left) == bounds


@given(st.lists(st.floats(0, 1), max_size=50))
def test_missed_range_is_one_of_counts(left: list[float]) -> None:
    least, most = missed_range(left)
    assert 0 <= least <= most <= len(left) + 4


def test_logistic_gives_a_probability_and_takes_a_missing_feature_for_0() -> None:
    model = Logistic({"strength": 2.0, "behind": -1.0}, 0.5)
    assert model.probability({}) == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert model.probability({"strength": 1.0, "behind": 2.5, "unknown": 9.0}) == 0.5
    assert 0 < model.probability({"strength": -1e9}) < 1e-9
    assert model.probability({"strength": 1e9}) == pytest.approx(1.0)


def finite(model: Logistic) -> bool:
    return all(map(math.isfinite, [*model.coefficients.values(), model.intercept]))


def test_shipped_weights_are_finite_and_of_both_depths() -> None:
    for depth, signals in (
        ("full", {"dense", "lexical", "maxsim", "maxsim_idf", "rerank"}),
        ("fast", {"dense", "lexical", "maxsim", "maxsim_idf"}),
    ):
        ranker = load_ranker(depth)  # type: ignore[arg-type]
        assert isinstance(ranker, Ranker)
        assert set(ranker.signals) == signals
        assert all(math.isfinite(weight) and weight >= 0 for weight in ranker.signals.values())
        assert ranker.answerable.keys() == {"list", "other"}
        assert finite(ranker.relevance) and all(map(finite, ranker.answerable.values()))
        assert 0 < ranker.threshold < 1
        assert ranker.relevance.coefficients["strength"] > 0


def test_weights_of_ones_own_are_read_from_a_file(tmp_path: Path) -> None:
    model = {"coefficients": {"strength": 1.5}, "intercept": -2.0}
    depth = {"signals": {"dense": 1.0}, "relevance": model, "answerable": {"list": model}, "threshold": 0.4}
    path = tmp_path / "ranker.json"
    path.write_text(json.dumps({"depths": {"fast": depth}}))
    own = Logistic({"strength": 1.5}, -2.0)
    assert load_ranker("fast", path) == Ranker({"dense": 1.0}, own, {"list": own}, 0.4)
