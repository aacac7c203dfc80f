"""Topics of a collection by clustering, and a map of its papers in two dimensions.

Topics are k-means clusters of the papers' vectors, reduced to 20 principal components, in which small groups stand out
more than in all 384 dimensions. The map is t-SNE, initialized with the first two components (Kobak and Berens, 2019) to
keep the global shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.index.clustering import k_means
from rag.models.onnx import Array
from rag.types import Paper
from ui.browse.topic_names import topic_names
from ui.browse.tsne import tsne

MAX_POINTS = 1000  # t-SNE takes 1.2 s for 372 papers and grows with n²; and more dots hide each other
_MAX_TOPICS = 16  # as many as shapes and colours can distinguish
_PAPERS_PER_TOPIC = 2.5  # under the root: 12 topics for 372 papers
_COMPONENTS = 20
_MIN_FOR_NEIGHBOURS = 12  # with fewer papers t-SNE has no neighbourhoods to preserve; the components are the map
_PERPLEXITY = 20.0
_RESTARTS = 20  # of k-means


@dataclass(frozen=True, slots=True)
class Topic:
    """A cluster of papers; `topic_id` counts from 0, the largest first."""

    topic_id: int
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Point:
    """A paper's position on the map; `x` and `y` are in [0, 1], y downwards."""

    paper_id: str
    x: float
    y: float
    topic_id: int


@dataclass(frozen=True, slots=True)
class Atlas:
    """The topics of a collection, the topic of each paper, and the positions of at most `MAX_POINTS` papers."""

    topics: tuple[Topic, ...]
    topic_of: Mapping[str, int]
    points: tuple[Point, ...]


def lay_out(papers: Mapping[str, Paper], vectors: Mapping[str, Array]) -> Atlas:
    """Cluster papers by their unit vectors and compute the map; a paper without a vector is left out.

    Deterministic: the same papers and vectors give the same atlas.
    """
    paper_ids = sorted(papers.keys() & vectors.keys())
    if not paper_ids:
        return Atlas((), {}, ())
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # with several threads sums are added in a varying order
        directions = _directions(np.stack([vectors[paper_id] for paper_id in paper_ids]).astype(np.float64))
        labels = _by_size(_clusters(directions))
        shown = _spread(len(paper_ids), MAX_POINTS)
        positions = _positions(directions[shown])
    topics = _topics([papers[paper_id] for paper_id in paper_ids], labels)
    points = (
        Point(paper_ids[row], round(float(x), 4), round(float(y), 4), labels[row])
        for row, (x, y) in zip(shown, positions, strict=True)
    )
    return Atlas(topics, dict(zip(paper_ids, labels, strict=True)), tuple(points))


def topic_count(papers: int) -> int:
    """Return the number of topics for a number of papers: 1 to 16, growing with the square root."""
    return max(1, min(_MAX_TOPICS, round(math.sqrt(papers / _PAPERS_PER_TOPIC))))


def _directions(rows: Any) -> Any:
    """Reduce vectors to their principal components, at least two, scaled to unit length."""
    count = min(_COMPONENTS, *rows.shape)
    if len(rows) == 1 or not np.ptp(rows, axis=0).any():
        return np.zeros((len(rows), 2))  # identical vectors have no components
    left, sizes, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    largest = np.abs(axes[:count]).argmax(axis=1)
    signs = np.sign(axes[np.arange(count), largest])  # an axis may point either way; its largest number is positive
    reduced = np.pad((left * sizes)[:, :count] * signs, ((0, 0), (0, max(0, 2 - count))))
    return reduced / np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-9)


def _clusters(directions: Any) -> list[int]:
    count = min(topic_count(len(directions)), len(np.unique(directions, axis=0)))
    return [int(label) for label in k_means(directions, count, _RESTARTS)]


def _by_size(labels: Sequence[int]) -> list[int]:
    """Renumber clusters, the largest first; ties go to the one whose first paper comes first."""
    order = sorted(set(labels), key=lambda label: (-labels.count(label), labels.index(label)))
    return [order.index(label) for label in labels]


def _topics(papers: Sequence[Paper], labels: Sequence[int]) -> tuple[Topic, ...]:
    """Name the topics, in a large collection by a sample of its papers, since every word of each is counted."""
    count = max(labels) + 1
    groups: list[list[Paper]] = [[] for _ in range(count)]
    for row in _spread(len(papers), MAX_POINTS):
        groups[labels[row]].append(papers[row])
    names = topic_names(groups)
    return tuple(Topic(topic_id, names[topic_id], labels.count(topic_id)) for topic_id in range(count))


def _spread(count: int, most: int) -> list[int]:
    """Return at most `most` indices below `count`, evenly spaced."""
    return [int(each) for each in np.linspace(0, count - 1, min(count, most)).round()]


def _positions(directions: Any) -> Any:
    """Return positions in the unit square."""
    flat = directions[:, :2]
    if len(flat) >= _MIN_FOR_NEIGHBOURS and np.ptp(flat, axis=0).all():
        flat = tsne(directions, flat, min(_PERPLEXITY, (len(flat) - 1) / 3))
    low, span = flat.min(axis=0), np.ptp(flat, axis=0)
    return np.where(span > 0, (flat - low) / np.where(span > 0, span, 1), 0.5)
