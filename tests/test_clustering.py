from __future__ import annotations

import numpy as np

from rag.index.clustering import k_means


def blobs(sizes: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    random = np.random.default_rng(3)
    return np.concatenate([random.normal(10 * i, 1, size=(size, 5)) for i, size in enumerate(sizes)])


def test_groups_that_lie_apart_are_the_clusters() -> None:
    labels = k_means(blobs([40, 5, 20]), 3, restarts=5)
    groups = np.split(labels, [40, 45])
    assert [len(set(group.tolist())) for group in groups] == [1, 1, 1]
    assert len(set(labels.tolist())) == 3


def test_clusters_are_the_same_in_every_run() -> None:
    rows = np.random.default_rng(1).normal(size=(60, 5))
    assert np.array_equal(k_means(rows, 7, restarts=2), k_means(rows, 7, restarts=2))


def test_rows_that_are_alike_share_a_cluster() -> None:
    rows = np.repeat(np.eye(3), 4, axis=0)
    assert len({tuple(k_means(rows, 3, restarts=1)[i : i + 4].tolist()) for i in (0, 4, 8)}) == 3


def test_large_collection_is_clustered_by_a_sample_of_its_rows() -> None:
    labels = k_means(blobs([9000, 3000]), 2, restarts=1)
    assert sorted(np.bincount(labels).tolist()) == [3000, 9000]
