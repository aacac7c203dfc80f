"""Confidence intervals and the paired permutation test; seeded. numpy is imported in functions, for `--help`.

Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; Smucker et al., A comparison of statistical
significance tests for information retrieval evaluation, CIKM 2007.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_Z = 1.959964  # standard deviations of a normal curve on either side that hold 95 %
_TAILS = (2.5, 97.5)  # percentiles that leave 95 % between them


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean (or a median, where so documented) of `n` values, with its 95 % interval [low, high]."""

    mean: float
    low: float
    high: float
    n: int


def bootstrap_interval(
    values: Sequence[float], seed: int = 0, samples: int = 2000, statistic: Literal["mean", "median"] = "mean"
) -> Interval:
    """Return the mean or median with its 95 % percentile bootstrap interval; raises ValueError for no values."""
    if not values:
        raise ValueError(f"no values, so no {statistic}")
    import numpy as np

    average = np.mean if statistic == "mean" else np.median
    data = np.asarray(values, np.float64)
    chosen = np.random.default_rng(seed).integers(0, len(data), (samples, len(data)))
    low, high = np.percentile(average(data[chosen], axis=1), _TAILS)
    return Interval(float(average(data)), float(low), float(high), len(data))


def share_interval(hits: int, n: int) -> Interval:
    """Return a share with its 95 % Wilson interval, which is not empty for 0 or n hits; raises ValueError for n = 0.

    Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927.
    """
    if n < 1:
        raise ValueError("no cases, so no share")
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half), n)


def permutation_p(differences: Sequence[float], seed: int = 0, samples: int = 10_000) -> float:
    """Return the two-sided p-value of paired differences under random sign flips; 1 for only zeros, or fewer than two.

    Exact where there are no more than `samples` flips.
    """
    if len(differences) < 2 or not any(differences):
        return 1.0
    import numpy as np
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
