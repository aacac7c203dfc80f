"""BM25 index over papers (title and abstract), stored by bm25s in a folder.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), Lucene's variant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.text.tokens import tokenize
from rag.types import Paper

K1 = 1.5
B = 0.75
_NO_TERM = "\x00"


class Bm25Index:
    """Scores all papers of a collection for a question; papers are identified by position."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, papers: Sequence[Paper], k1: float = K1, b: float = B) -> Bm25Index:
        """Index papers in the given order; `k1` is the term-frequency saturation, `b` in [0, 1] the length penalty."""
        from bm25s import BM25  # slow to import

        index = BM25(method="lucene", k1=k1, b=b)
        terms = [tokenize(f"{paper.title}. {paper.abstract}") for paper in papers]
        if not any(terms):
            terms = [[_NO_TERM] for _ in papers]  # bm25s 0.3 cannot index a collection without a term
        index.index(terms, show_progress=False)
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> Bm25Index:
        """Open a saved index."""
        from bm25s import BM25

        return cls(BM25.load(str(folder)))

    def save(self, folder: Path) -> None:
        """Save the index to a folder."""
        self._index.save(str(folder), show_progress=False)

    def scores(self, terms: Iterable[str]) -> NDArray[np.float32]:
        """Return the BM25 score of each paper; 0 for a paper that has none of the terms."""
        known = [term for term in terms if term in self._index.vocab_dict]
        if not known:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._index.get_scores(known), np.float32)

    def document_frequency(self, term: str) -> int:
        """Return how many papers have a term."""
        number = self._index.vocab_dict.get(term)
        if number is None:
            return 0
        starts = self._index.scores["indptr"]
        return int(starts[number + 1] - starts[number])

    @property
    def _size(self) -> int:
        return int(self._index.scores["num_docs"])
