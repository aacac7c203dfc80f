"""MaxSim scoring of late interaction: the similarity of papers, or their sentences, to each token of a question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.index.stored_array import StoredArray
from rag.index.token_vectors import NO_START, open_token_vectors
from rag.models.onnx import Array
from rag.models.token_codec import TokenCodec


class MaxSimIndex:
    """The token vectors of papers, read as they are needed; papers are identified by their position in corpus order."""

    def __init__(
        self,
        codec: TokenCodec,
        codes: StoredArray,
        starts: StoredArray,
        firsts: NDArray[np.int64],
        counts: NDArray[np.int32],
    ) -> None:
        """`starts` has where each token begins in its abstract, `firsts` and `counts` the rows of each paper."""
        self._codec = codec
        self._codes = codes
        self._starts = starts
        self._firsts = firsts
        self._counts = counts

    def __len__(self) -> int:
        """Return the number of papers."""
        return len(self._firsts)

    def close(self) -> None:
        """Close the files."""
        self._codes.close()
        self._starts.close()

    def scores(self, query: Array, positions: NDArray[np.integer], weights: Array | None = None) -> Array:
        """Return the MaxSim score of papers, averaged over the question's tokens; in [-1, 1].

        `query` has shape (tokens, 128), `weights` (tokens,); if all weights are 0, tokens are weighted equally.
        """
        return self.scores_of_all([(query, weights)], positions)[0]

    def scores_of_all(
        self, queries: Sequence[tuple[Array, Array | None]], positions: NDArray[np.integer]
    ) -> list[Array]:
        """Return what `scores` does for each of several questions with its weights, reading the papers once."""
        similarities = self.paper_similarities(np.concatenate([query for query, _ in queries]), positions)
        ends = np.cumsum([len(query) for query, _ in queries])
        parts = np.split(similarities, ends[:-1], axis=1)
        return [mean_maxsim(part, weights) for part, (_, weights) in zip(parts, queries, strict=True)]

    def span_similarities(self, query: Array, position: int, spans: Sequence[tuple[int, int]]) -> Array:
        """Return the maximum similarity of each span of a paper's abstract to each token of the question.

        The shape is (spans, tokens). A token belongs to the span in which it starts; a span without any has zeros.
        """
        own = self._rows([position])
        similar, starts = self._codec.similarities(query, self._codes.read(own)), self._starts.read(own)
        begins = np.where(starts == NO_START, -1, starts.astype(np.int32))
        best = np.zeros((len(spans), len(query)), np.float32)
        for i, (start, end) in enumerate(spans):
            inside = similar[(begins >= start) & (begins < end)]
            if len(inside):
                best[i] = inside.max(axis=0)
        return np.clip(best, -1, 1)

    def paper_similarities(self, query: Array, positions: NDArray[np.integer]) -> Array:
        """Return the maximum similarity of each paper to each token of the question: (papers, tokens)."""
        if not len(positions):
            return np.empty((0, len(query)), np.float32)
        similar = self._codec.similarities(query, self._codes.read(self._rows(positions)))
        counts = self._counts[positions]
        best: Array = np.maximum.reduceat(similar, np.cumsum(counts) - counts, axis=0)
        return best

    def _rows(self, positions: Sequence[int] | NDArray[np.integer]) -> list[tuple[int, int]]:
        firsts = self._firsts[positions]
        return list(zip(firsts.tolist(), (firsts + self._counts[positions]).tolist(), strict=True))


def mean_maxsim(similarities: Array, weights: Array | None = None) -> Array:
    """Average maximum similarities (papers, tokens) over the tokens, equally if all weights are 0."""
    if weights is None or not np.any(weights):
        weights = np.ones(similarities.shape[1], np.float32)
    share = np.asarray(weights / np.sum(weights), np.float32)
    # Not `similarities @ share`: OpenBLAS's product with a vector sometimes reports invalid values for finite ones.
    scores: Array = np.clip((similarities * share).sum(axis=1), -1, 1)
    return scores


def open_maxsim_index(folder: Path, places: NDArray[np.void], codec: TokenCodec) -> MaxSimIndex:
    """Open the token vectors of papers, by their `PaperStore.places`; raises IndexFailed if they are not all there."""
    ends = places["first"] + places["tokens"]
    codes, starts = open_token_vectors(folder, int(ends.max(initial=0)))
    return MaxSimIndex(codec, codes, starts, places["first"], places["tokens"])
