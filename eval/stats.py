"""Means with their uncertainty: bootstrap intervals and the paired permutation test (pure, seeded).

Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; Smucker et al., A comparison of statistical
significance tests for information retrieval evaluation, CIKM 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_TAILS = (2.5, 97.5)  # percentiles that leave 95 % between them


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` values, and the 95 % interval [low, high] around it."""

    mean: float
    low: float
    high: float
    n: int


def bootstrap_interval(values: Sequence[float], seed: int = 0, samples: int = 2000) -> Interval:
    """Give the mean of values with its 95 % percentile bootstrap interval; raises ValueError where there are none."""
    if not values:
        raise ValueError("no values, so no mean")
    data = np.asarray(values, np.float64)
    chosen = np.random.default_rng(seed).integers(0, len(data), (samples, len(data)))
    low, high = np.percentile(data[chosen].mean(axis=1), _TAILS)
    return Interval(float(data.mean()), float(low), float(high), len(data))


def permutation_p(differences: Sequence[float], seed: int = 0, samples: int = 10_000) -> float:
    """Give the two-sided p-value of paired differences under random flips of their signs; 1 where none can be told.

    Exact where all flips number no more than `samples`.
    """
    if len(differences) < 2 or not any(differences):
        return 1.0
    from scipy.stats import permutation_test  # 1 s of imports

    result = permutation_test(
        (np.asarray(differences, np.float64),),
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=samples,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)
