"""Measures of held-out predictions, each with a bootstrap interval (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, its 95 % percentile interval over resampled units, and the number of units."""

    value: float
    low: float
    high: float
    n: int

    def as_list(self) -> list[float]:
        """Return value, low, high, n, rounded for JSON."""
        return [round(self.value, 4), round(self.low, 4), round(self.high, 4), self.n]


def bootstrap(units: Sequence[object], measure: Callable[[NDArray[np.int64]], float], seed: int = 0) -> Measured:
    """Measure all units and 1,000 resamples of them (`measure` takes the chosen units' numbers)."""
    count = len(units)
    if not count:
        return Measured(math.nan, math.nan, math.nan, 0)
    chance = np.random.default_rng(seed)
    values = [measure(chance.integers(0, count, count)) for _ in range(1000)]
    known = [value for value in values if not math.isnan(value)] or [math.nan]
    low, high = np.percentile(known, [2.5, 97.5])
    return Measured(measure(np.arange(count)), float(low), float(high), count)


def mean(values: Sequence[float]) -> Measured:
    """Measure the mean of one value a unit."""
    array = np.asarray(values, np.float64)
    return bootstrap(values, lambda chosen: float(array[chosen].mean()))


def ndcg(grades: Sequence[float], scores: Sequence[float], k: int = 10) -> float:
    """Return nDCG@k with gains 2^grade - 1 of documents in the order of falling scores."""
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    gains = 2.0 ** np.asarray(grades, np.float64) - 1
    discounts = 1 / np.log2(np.arange(2, 2 + min(k, len(gains))))
    ideal = float((np.sort(gains)[::-1][:k] * discounts).sum())
    return float((gains[order][:k] * discounts).sum()) / ideal if ideal else math.nan


def auc(right: Bools, scores: Floats) -> float:
    """Return the chance that a right one scores above a wrong one (ties count half)."""
    from scipy.stats import rankdata

    positive = int(right.sum())
    if positive in (0, len(right)):
        return math.nan
    ranks = rankdata(scores)
    return float((ranks[right].sum() - positive * (positive + 1) / 2) / (positive * (len(right) - positive)))


def share(values: Bools) -> float:
    """Return the share of true values, nan of none."""
    return float(values.mean()) if len(values) else math.nan


def balanced_accuracy(right: Bools, called: Bools) -> float:
    """Return the mean of the share of right ones called so and of wrong ones not called so."""
    return (share(called[right]) + share(~called[~right])) / 2


def balanced_threshold(right: Bools, scores: Floats, false_share: float) -> float:
    """Return the threshold of the best balanced accuracy that calls at most a share of the wrong ones right."""
    tried = np.quantile(scores, np.linspace(0.02, 0.98, 193))
    allowed = [t for t in tried if share(scores[~right] > t) <= false_share] or [float(tried[-1])]
    return float(max(allowed, key=lambda t: balanced_accuracy(right, scores > t)))


def temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Return the temperature that makes softmax probabilities likeliest (Guo et al., ICML 2017)."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def loss(value: float) -> float:
        return -float(log_softmax(logits / value, axis=-1)[np.arange(len(labels)), labels].mean())

    return float(minimize_scalar(loss, bounds=(0.3, 5.0), method="bounded").x)


def platt(scores: Floats, right: Bools) -> tuple[float, float]:
    """Return slope and intercept of a logistic calibration of scores (Platt, 1999)."""
    from scipy.optimize import minimize

    def loss(weights: Floats) -> float:
        return float(np.logaddexp(0, np.where(right, -1, 1) * (weights[0] * scores + weights[1])).mean())

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(found[0]), float(found[1])


def expected_calibration_error(probabilities: Floats, right: Bools, bins: int = 10) -> float:
    """Return the mean gap between probability and share of right ones, over bins of equal width, weighted by size."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        abs(probabilities[which == i].mean() - right[which == i].mean()) * (which == i).mean()
        for i in range(bins)
        if (which == i).any()
    ]
    return float(sum(gaps))
