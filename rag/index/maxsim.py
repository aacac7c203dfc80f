"""Late interaction: how near the tokens of papers, or of their sentences, come to each token of a question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import REBUILD, IndexFailed
from rag.index.token_vectors import open_token_vectors
from rag.models.onnx import Array

_BLOCK = 192  # rows multiplied at once: they stay in the cache, and OpenBLAS starts no threads for so few


class MaxSimIndex:
    """The token vectors of papers, by their position in corpus order; read from the disk as they are needed."""

    def __init__(self, vectors: NDArray[np.int8], spans: NDArray[np.int32], starts: NDArray[np.int64]) -> None:
        """Take all papers' tokens in order; `starts` has the first row of each paper, and at the end their number."""
        self._vectors = vectors
        self._spans = spans
        self._starts = starts

    def __len__(self) -> int:
        """Count the papers."""
        return len(self._starts) - 1

    def scores(self, query: Array, positions: NDArray[np.integer], weights: Array | None = None) -> Array:
        """Score papers: for each token of the question the most similar of theirs, averaged; in [-1, 1].

        `query` has shape (tokens, 128), `weights` (tokens,); where all weights are 0, tokens count alike.
        """
        return mean_maxsim(self.paper_similarities(query, positions), weights)

    def span_similarities(self, query: Array, position: int, spans: Sequence[tuple[int, int]]) -> Array:
        """Give for each span of a paper's abstract, and each token of the question, the best similarity in it.

        The shape is (spans, tokens). A token belongs to the span in which it starts; a span with none has zeros.
        """
        own = slice(self._starts[position], self._starts[position + 1])
        similar = self._similarities(query, np.arange(own.start, own.stop))
        begins = self._spans[own, 0]
        best = np.zeros((len(spans), len(query)), np.float32)
        for i, (start, end) in enumerate(spans):
            inside = similar[(begins >= start) & (begins < end)]
            if len(inside):
                best[i] = inside.max(axis=0)
        return np.clip(best, -1, 1)

    def paper_similarities(self, query: Array, positions: NDArray[np.integer]) -> Array:
        """Give for each paper, and each token of the question, the best similarity in it: (papers, tokens)."""
        if not len(positions):
            return np.empty((0, len(query)), np.float32)
        positions = np.asarray(positions, np.int64)
        counts = self._starts[positions + 1] - self._starts[positions]
        firsts = np.cumsum(counts) - counts
        rows = np.arange(counts.sum()) + np.repeat(self._starts[positions] - firsts, counts)
        best: Array = np.maximum.reduceat(self._similarities(query, rows), firsts, axis=0)
        return best

    def _similarities(self, query: Array, rows: NDArray[np.int64]) -> Array:
        turned = np.ascontiguousarray(query.T, np.float32) / np.float32(127)
        similar = np.empty((len(rows), len(query)), np.float32)
        for first in range(0, len(rows), _BLOCK):
            block = self._vectors.take(rows[first : first + _BLOCK], axis=0).astype(np.float32)
            with np.errstate(invalid="ignore"):  # as below: both sides are finite by construction
                np.matmul(block, turned, out=similar[first : first + _BLOCK])
        return similar


def mean_maxsim(best: Array, weights: Array | None = None) -> Array:
    """Average the best similarities (papers, tokens) over the tokens; weights that are all 0 count alike."""
    if weights is None or not np.any(weights):
        weights = np.ones(best.shape[1], np.float32)
    share = np.asarray(weights / np.sum(weights), np.float32)
    # Not `best @ share`: OpenBLAS's product with a vector reports invalid values now and then where there are none.
    scores: Array = np.clip((best * share).sum(axis=1), -1, 1)
    return scores


def open_maxsim_index(folder: Path, paper_ids: Sequence[str]) -> MaxSimIndex:
    """Open the token vectors of exactly these papers, in this order; raises IndexFailed where they are others."""
    store = open_token_vectors(folder)
    if list(store.entries) != list(paper_ids):
        raise IndexFailed(f"{folder} does not hold the indexed papers. {REBUILD}")
    starts = [*(entry.first for entry in store.entries.values()), store.rows]
    return MaxSimIndex(*store.memory_map(), np.array(starts, np.int64))
