from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.scoring import (
    Logistic,
    Ranker,
    best,
    best_cut,
    load_ranker,
    missed_range,
    relevance_features,
    worth_reading,
)

CHANCES = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=6).map(lambda found: sorted(found, reverse=True))


def expected_f1(probabilities: list[float], kept: int) -> float:
    total = 0.0
    for labels in product((0, 1), repeat=len(probabilities)):
        chance = math.prod(p if label else 1 - p for p, label in zip(probabilities, labels, strict=True))
        total += chance * 2 * sum(labels[:kept]) / (kept + sum(labels))
    return total


def test_features_are_maxsim_its_distance_to_the_best_and_the_share_of_the_best_bm25() -> None:
    signals = {"dense": np.array([0.1, 0.9]), "lexical": np.array([2.0, 8.0]), "maxsim": np.array([0.75, 0.5])}
    found = relevance_features(signals)  # type: ignore[arg-type]
    assert {name: values.tolist() for name, values in found.items()} == {
        "maxsim": [0.75, 0.5],
        "behind": [0.0, 0.25],
        "lexical": [0.25, 1.0],
    }


def test_question_without_a_known_term_has_no_share_of_bm25() -> None:
    signals = {"lexical": np.zeros(2), "maxsim": np.array([0.75, 0.5])}
    assert relevance_features(signals)["lexical"].tolist() == [0.0, 0.0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("logits", "count", "read"),
    [([0.0, 1.0, -1.0], 9, [1, 0, 2]), ([9.0, 1.0, -9.0], 2, [0, 1]), ([1.0, 1.0], 1, [0]), ([], 3, [])],
)
def test_cross_encoder_reads_the_best(logits: list[float], count: int, read: list[int]) -> None:
    assert best(np.array(logits), count) == read


@pytest.mark.parametrize(
    ("logits", "most", "read"),
    [
        ([-9.0, -9.0, 5.0, -9.0, -9.0], 9, [2, 0, 1]),
        ([5.0, -9.0, 5.0, 5.0, 0.0], 9, [0, 2, 3, 4]),
        ([5.0, 5.0, 5.0, 5.0], 2, [0, 1]),
        ([], 9, []),
    ],
)
def test_cross_encoder_reads_three_and_others_that_may_belong(logits: list[float], most: int, read: list[int]) -> None:
    assert worth_reading(np.array(logits), most) == read


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
def test_cut_has_the_greatest_expected_f1(probabilities: list[float]) -> None:
    exact = [expected_f1(probabilities, kept) for kept in range(1, len(probabilities) + 1)]
    assert exact[best_cut(probabilities) - 1] >= max(exact) - 1e-6


@given(CHANCES, st.integers(1, 6))
def test_cut_among_the_first_papers_counts_the_others_too(probabilities: list[float], most: int) -> None:
    exact = [expected_f1(probabilities, kept) for kept in range(1, min(most, len(probabilities)) + 1)]
    assert exact[best_cut(probabilities, most) - 1] >= max(exact) - 1e-6


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
    full, fast = load_ranker("full"), load_ranker("fast")
    assert full.reranked is not None and fast.reranked is None
    for model in (full.relevance, full.reranked, full.answerable, fast.relevance, fast.answerable):
        assert finite(model)
    for ranker in (full, fast):
        assert 0 < ranker.threshold < 1
        assert ranker.relevance.coefficients["behind"] < 0
    assert full.reranked.coefficients["relevance"] > 0 < full.answerable.coefficients["answers"]


def test_weights_of_ones_own_are_read_from_a_file(tmp_path: Path) -> None:
    model = {"coefficients": {"maxsim": 1.5}, "intercept": -2.0}
    path = tmp_path / "selection.json"
    path.write_text(json.dumps({"depths": {"fast": {"relevance": model, "answerable": model, "threshold": 0.4}}}))
    own = Logistic({"maxsim": 1.5}, -2.0)
    assert load_ranker("fast", path) == Ranker(own, None, own, 0.4)
