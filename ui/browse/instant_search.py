"""Search as you type: prefixes of words in titles and authors, and BM25 over the abstracts."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.index.bm25 import Bm25Index
from rag.text.tokens import tokenize
from rag.types import Paper

_MAX_LENGTH = 200  # characters of a text that are read
_MAX_WORDS = 12
_IN_TITLE, _IN_AUTHOR = 6.0, 4.0  # a word's weight there; BM25 gives a word of one abstract in a hundred about 4
_LAST = "\U0010ffff"

Scores = NDArray[np.float64]


class InstantSearch:
    """Finds papers by the text typed so far."""

    def __init__(self, papers: Sequence[Paper], lexical: Bm25Index) -> None:
        """Index the papers, in the order of `lexical`."""
        self._ids = [paper.paper_id for paper in papers]
        self._lexical = lexical
        self._titles = _Words([_words(paper.title) for paper in papers])
        self._authors = _Words([_words(" ".join(paper.authors)) for paper in papers])

    def scores(self, text: str) -> dict[str, float] | None:
        """Return the scores of matching papers by id; None if the text is too short to filter by.

        A paper matches if it has all words; if none has, papers with any of them match.
        """
        words = _words(text[:_MAX_LENGTH])[:_MAX_WORDS]
        if not words or (len(words) == 1 and len(words[0]) < 2 and words[0].isascii()):
            return None
        rows = [self._word(word) for word in words if len(words) == 1 or tokenize(word)]
        if not rows:
            return None
        table = np.stack(rows)
        matching = (table > 0).all(axis=0)
        if not matching.any():
            matching = (table > 0).any(axis=0)
        total = table.sum(axis=0)
        return {self._ids[row]: float(total[row]) for row in np.flatnonzero(matching)}

    def _word(self, word: str) -> Scores:
        """Return the scores of all papers for one word."""
        score: Scores = self._lexical.scores(tokenize(word)).astype(np.float64)
        score[self._titles.beginning(word)] += _IN_TITLE
        score[self._authors.beginning(word)] += _IN_AUTHOR
        return score


class _Words:
    """The sorted words of texts, each with the indices of the texts that contain it."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        indices: dict[str, list[int]] = {}
        for index, words in enumerate(texts):
            for word in set(words):
                indices.setdefault(word, []).append(index)
        self._words = sorted(indices)
        self._texts = [indices[word] for word in self._words]

    def beginning(self, start: str) -> list[int]:
        """Return the indices of the texts with a word that has this prefix."""
        first, end = bisect_left(self._words, start), bisect_left(self._words, start + _LAST)
        return sorted({index for indices in self._texts[first:end] for index in indices})


def _words(text: str) -> list[str]:
    """Return the words of a text, case-folded and without accents."""
    plain = unicodedata.normalize("NFKD", text.encode(errors="replace").decode()).casefold()
    return re.findall(r"[^\W_]+", "".join(each for each in plain if not unicodedata.combining(each)))
