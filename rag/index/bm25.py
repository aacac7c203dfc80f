"""BM25 index over papers (title and abstract), stored in a folder as memory-mapped postings.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), Lucene's variant. Each posting
holds the whole score of its term in its paper, as in BM25S (Lù, 2024), so that a search only adds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.corpus.files import write_atomic
from rag.text.tokens import tokenize
from rag.types import Paper

K1 = 1.5
B = 0.75
_TERMS, _ARRAYS = "terms.json", ("starts", "papers", "scores")


class Bm25Index:
    """Scores all papers of a collection for a question; papers are identified by position."""

    def __init__(
        self,
        size: int,
        terms: Mapping[str, int],
        starts: NDArray[np.int64],
        papers: NDArray[np.int32],
        scores: NDArray[np.float32],
    ) -> None:
        """Store the postings of `size` papers.

        Those of a term are rows starts[n] to starts[n + 1] of `papers`, their positions, and of `scores`; `terms` has
        the n of each term.
        """
        self._size = size
        self._terms = terms
        self._starts = starts
        self._papers = papers
        self._scores = scores

    @classmethod
    def build(cls, papers: Sequence[Paper], k1: float = K1, b: float = B) -> Bm25Index:
        """Index papers in the given order; `k1` is the term-frequency saturation, `b` in [0, 1] the length penalty."""
        terms: dict[str, int] = {}
        numbers: list[int] = []
        frequencies: list[int] = []
        distinct, lengths = np.zeros(len(papers), np.int64), np.zeros(len(papers))
        for position, paper in enumerate(papers):
            counts = Counter(tokenize(f"{paper.title}. {paper.abstract}"))
            numbers += [terms.setdefault(term, len(terms)) for term in counts]
            frequencies += counts.values()
            distinct[position], lengths[position] = len(counts), counts.total()
        of_term, of_paper = np.array(numbers, np.int64), np.repeat(np.arange(len(papers), dtype=np.int32), distinct)
        papers_with = np.bincount(of_term, minlength=len(terms))
        rarity = np.log1p((len(papers) - papers_with + 0.5) / (papers_with + 0.5))
        penalties = k1 * (1 - b + b * lengths * len(papers) / (lengths.sum() or 1.0))
        frequency = np.array(frequencies, np.float64)
        scores = rarity[of_term] * frequency / (frequency + penalties[of_paper])
        order = np.argsort(of_term, kind="stable")
        starts = np.concatenate([[0], np.cumsum(papers_with)])
        return cls(len(papers), terms, starts, of_paper[order], scores[order].astype(np.float32))

    @classmethod
    def load(cls, folder: Path) -> Bm25Index:
        """Open a saved index."""
        saved = json.loads((folder / _TERMS).read_text(encoding="utf-8"))
        terms = {term: number for number, term in enumerate(saved["terms"])}
        starts, papers, scores = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
        return cls(saved["papers"], terms, starts, papers, scores)

    def save(self, folder: Path) -> None:
        """Save the index to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays: tuple[NDArray[Any], ...] = (self._starts, self._papers, self._scores)
        for name, values in zip(_ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", values)
        write_atomic(folder / _TERMS, json.dumps({"papers": self._size, "terms": list(self._terms)}))

    def scores(self, terms: Iterable[str]) -> NDArray[np.float32]:
        """Return the BM25 score of each paper; 0 for a paper that has none of the terms."""
        scores = np.zeros(self._size, np.float32)
        for number in (self._terms[term] for term in terms if term in self._terms):
            own = slice(self._starts[number], self._starts[number + 1])
            scores[self._papers[own]] += self._scores[own]
        return scores

    def close(self) -> None:
        """Release the memory maps; the index is empty then."""
        self._size, self._terms = 0, {}
        self._starts, self._papers, self._scores = np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32)

    def document_frequency(self, term: str) -> int:
        """Return how many papers have a term."""
        number = self._terms.get(term)
        return 0 if number is None else int(self._starts[number + 1] - self._starts[number])
