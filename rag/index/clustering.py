"""Clusters of vectors by k-means (Lloyd, 1982), seeded by k-means++ (Arthur and Vassilvitskii, 2007)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

_ROUNDS = 100
_SAMPLE = 10_000  # rows that the centres are fitted to


def k_means(rows: Rows, count: int, restarts: int) -> NDArray[np.int64]:
    """Return the cluster of each row (n, dimension), in [0, count); deterministic.

    The best of several starts is taken. `count` is at most the number of distinct rows.
    """
    random = np.random.default_rng(0)
    sample = rows if len(rows) <= _SAMPLE else rows[np.linspace(0, len(rows) - 1, _SAMPLE).astype(int)]
    fitted = [_fit(sample, _seeds(sample, count, random)) for _ in range(restarts)]
    _, centres = min(fitted, key=lambda each: each[0])
    return np.asarray(_distances(rows, centres).argmin(axis=1), np.int64)


def _seeds(rows: Rows, count: int, random: np.random.Generator) -> Rows:
    chosen = [int(random.integers(len(rows)))]
    nearest = _distances(rows, rows[chosen])[:, 0]
    for _ in range(count - 1):
        total = nearest.sum()
        chosen.append(int(random.choice(len(rows), p=nearest / total if total else None)))
        nearest = np.minimum(nearest, _distances(rows, rows[chosen[-1:]])[:, 0])
    return rows[chosen]


def _fit(rows: Rows, centres: Rows) -> tuple[float, Rows]:
    """Return the sum of squared distances to the nearest centre, and the centres."""
    before = None
    for _ in range(_ROUNDS):
        distances = _distances(rows, centres)
        labels = distances.argmin(axis=1)
        if before is not None and np.array_equal(labels, before):
            break
        before = labels
        members = labels[:, None] == np.arange(len(centres))
        sizes = members.sum(axis=0)
        centres = np.where(sizes[:, None], members.T @ rows / np.maximum(sizes, 1)[:, None], centres)
        for empty in np.flatnonzero(sizes == 0):
            farthest = int(distances.min(axis=1).argmax())
            centres[empty], distances[farthest] = rows[farthest], 0
    return float(_distances(rows, centres).min(axis=1).sum()), centres


def _distances(rows: Rows, centres: Rows) -> Rows:
    """Return squared distances: (rows, centres)."""
    squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ centres.T + (centres**2).sum(axis=1)
    return np.asarray(np.maximum(squares, 0))
