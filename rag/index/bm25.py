"""The BM25 index over whole papers (title and abstract), kept by bm25s in a folder.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), in Lucene's form.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
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
    """Scores every paper of a collection for a question; papers are known by their position."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, papers: Sequence[Paper], k1: float = K1, b: float = B) -> Bm25Index:
        """Index papers in the order given; `k1` bounds a term's repetitions, `b` in [0, 1] discounts long papers."""
        from bm25s import BM25  # slow to import

        index = BM25(method="lucene", k1=k1, b=b)
        terms = [tokenize(f"{paper.title}. {paper.abstract}") for paper in papers]
        if not any(terms):
            terms = [[_NO_TERM] for _ in papers]  # bm25s 0.3 cannot index a collection without a word
        index.index(terms, show_progress=False)
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> Bm25Index:
        """Open a saved index."""
        from bm25s import BM25

        return cls(BM25.load(str(folder)))

    def save(self, folder: Path) -> None:
        """Keep the index in a folder."""
        self._index.save(str(folder), show_progress=False)

    def scores(self, question: str) -> NDArray[np.float32]:
        """Score each paper by position; 0 for a paper that shares no term with the question."""
        known = [term for term in tokenize(question) if term in self._index.vocab_dict]
        if not known:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._index.get_scores(known), np.float32)

    def idf(self, terms: Iterable[str]) -> dict[str, float]:
        """Weigh terms by inverse document frequency, ln(1 + N / (df + ½)): a rare word says more about a sentence."""
        return {term: float(np.log1p(self._size / (0.5 + self._frequency(term)))) for term in terms}

    def has_term(self, term: str) -> bool:
        """Tell whether a term is in any paper."""
        return term in self._index.vocab_dict

    def _frequency(self, term: str) -> int:
        position = self._index.vocab_dict.get(term)
        starts = self._index.scores["indptr"]
        return 0 if position is None else int(starts[position + 1] - starts[position])

    @property
    def _size(self) -> int:
        return int(self._index.scores["num_docs"])


def idf_coverage(rarity: Mapping[str, float], held: Container[str]) -> float:
    """Give the share of a question's terms that are held, rare ones counting for more, in [0, 1]."""
    return sum(weight for term, weight in rarity.items() if term in held) / (sum(rarity.values()) or 1.0)
