from __future__ import annotations

import numpy as np

from ui.browse.tsne import tsne


def test_neighbours_of_many_dimensions_are_neighbours_on_the_map() -> None:
    random = np.random.default_rng(2)
    rows = np.concatenate([random.normal(size=(20, 10)) * 0.1 + 3 * np.eye(10)[i] for i in range(4)])
    points = tsne(rows, rows[:, :2], 8.0)
    distances = np.linalg.norm(points[:, None] - points, axis=2) + np.diag(np.full(80, np.inf))
    assert (distances.argmin(axis=1) // 20 == np.arange(80) // 20).all()
    assert np.array_equal(points, tsne(rows, rows[:, :2], 8.0))


def test_rows_that_are_all_alike_have_positions_too() -> None:
    assert np.isfinite(tsne(np.ones((12, 4)), np.random.default_rng(0).normal(size=(12, 2)), 3.0)).all()
