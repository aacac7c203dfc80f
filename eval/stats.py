"""Means with their uncertainty: bootstrap intervals and the paired permutation test (pure, seeded).

Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; Smucker et al., A comparison of statistical
significance tests for information retrieval evaluation, CIKM 2007.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_Z = 1.959964  # standard deviations of a normal curve on either side that hold 95 %
_TAILS = (2.5, 97.5)  # percentiles that leave 95 % between them


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, or where it is said a median, over `n` values, and the 95 % interval [low, high] around it."""

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


def median_interval(values: Sequence[float], seed: int = 0, samples: int = 2000) -> Interval:
    """Give the median of values with its 95 % percentile bootstrap interval; raises ValueError where there are none."""
    if not values:
        raise ValueError("no values, so no median")
    data = np.asarray(values, np.float64)
    chosen = np.random.default_rng(seed).integers(0, len(data), (samples, len(data)))
    low, high = np.percentile(np.median(data[chosen], axis=1), _TAILS)
    return Interval(float(np.median(data)), float(low), float(high), len(data))


def share_interval(hits: int, n: int) -> Interval:
    """Give a share with its 95 % Wilson interval, which has a width even where all are hits; raises ValueError for n 0.

    Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927.
    """
    if n < 1:
        raise ValueError("no cases, so no share")
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half), n)


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
