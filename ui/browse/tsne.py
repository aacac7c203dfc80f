"""t-SNE: points in two dimensions, of which those are near each other whose vectors are.

Van der Maaten and Hinton, Visualizing data using t-SNE, JMLR 2008: the exact algorithm, quadratic in time and memory,
with their early exaggeration, momentum and adaptive rates; the rate depends on the number of points (Belkina et al.,
Nature Communications 2019).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.floating[Any]]

_ROUNDS, _EARLY_ROUNDS = 750, 250
_EXAGGERATION = 12.0
_BISECTIONS = 50
_TINY = 1e-12


def tsne(rows: Rows, start: Rows, perplexity: float) -> Rows:
    """Return a position (n, 2) for each of the rows (n, dimension), beginning at `start` (n, 2); deterministic."""
    affinities = _affinities(rows, perplexity).astype(np.float32)
    points = (start / (np.std(start[:, 0]) or 1.0) * 1e-4).astype(np.float32)
    change, gains = np.zeros_like(points), np.ones_like(points)
    rate = max(len(rows) / _EXAGGERATION / 4, 50.0)
    for step in range(_ROUNDS):
        early = step < _EARLY_ROUNDS
        nearness = np.reciprocal(1 + _distances(points))
        np.fill_diagonal(nearness, 0)
        force = affinities * (_EXAGGERATION if early else 1)
        force -= nearness / nearness.sum()
        force *= nearness
        gradient = 4 * (force.sum(axis=1)[:, None] * points - force @ points)
        gains = np.maximum(np.where(np.sign(gradient) == np.sign(change), gains * 0.8, gains + 0.2), 0.01)
        change = (0.5 if early else 0.8) * change - rate * gains * gradient
        points = points + change
    return points


def _affinities(rows: Rows, perplexity: float) -> Rows:
    """Return the joint probabilities of neighbours (n, n), whose conditionals have the given perplexity."""
    distances = _distances(rows)
    low, high = np.zeros(len(rows)), np.full(len(rows), np.inf)
    precision = np.ones(len(rows))
    for _ in range(_BISECTIONS):
        chances = _conditional(distances, precision)
        entropy = -(chances * np.log(np.maximum(chances, _TINY))).sum(axis=1)
        flat = entropy > np.log(perplexity)
        low, high = np.where(flat, precision, low), np.where(flat, high, precision)
        precision = np.where(np.isinf(high), 2 * precision, (low + np.minimum(high, 1e12)) / 2)
    chances = _conditional(distances, precision)
    joint: Rows = (chances + chances.T) / (2 * len(rows))
    return joint


def _conditional(distances: Rows, precision: Rows) -> Rows:
    shifted = distances + np.diag(np.full(len(distances), np.inf))
    shifted -= shifted.min(axis=1, keepdims=True)
    raised = np.exp(-shifted * precision[:, None])
    chances: Rows = raised / raised.sum(axis=1, keepdims=True)
    return chances


def _distances(points: Rows) -> Rows:
    squares = (points**2).sum(axis=1)
    distances = points @ (-2 * points.T)
    distances += squares[:, None]
    distances += squares
    return np.maximum(distances, 0, out=distances)
