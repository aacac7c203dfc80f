"""Search as one types: words of titles and authors by their beginnings, and BM25 over the abstracts for the rest."""

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

_LONGEST = 200  # characters of a text that are read
_MOST_WORDS = 12
_IN_TITLE, _IN_AUTHOR = 6.0, 4.0  # a word's weight there; BM25 gives a word of one abstract in a hundred about 4
_LAST = "\U0010ffff"

Scores = NDArray[np.float64]


class InstantSearch:
    """Finds papers by what has been typed so far."""

    def __init__(self, papers: Sequence[Paper], lexical: Bm25Index) -> None:
        """Take the papers in corpus order, which is that of `lexical`."""
        self._ids = [paper.paper_id for paper in papers]
        self._lexical = lexical
        self._titles = _Words([_words(paper.title) for paper in papers])
        self._authors = _Words([_words(" ".join(paper.authors)) for paper in papers])

    def scores(self, text: str) -> dict[str, float] | None:
        """Score the papers that match, by id; None where too little is typed to narrow anything down.

        A paper matches that has all the words; where none has, one that has any of them.
        """
        words = _words(text[:_LONGEST])[:_MOST_WORDS]
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
        return {self._ids[place]: float(total[place]) for place in np.flatnonzero(matching)}

    def _word(self, word: str) -> Scores:
        """Score all papers for one word."""
        score: Scores = self._lexical.scores(word).astype(np.float64)
        score[self._titles.beginning(word)] += _IN_TITLE
        score[self._authors.beginning(word)] += _IN_AUTHOR
        return score


class _Words:
    """The words of texts, sorted, each with the places of the texts that have it."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        places: dict[str, list[int]] = {}
        for place, words in enumerate(texts):
            for word in set(words):
                places.setdefault(word, []).append(place)
        self._words = sorted(places)
        self._places = [places[word] for word in self._words]

    def beginning(self, start: str) -> list[int]:
        """List the places of the texts with a word that begins so."""
        first, end = bisect_left(self._words, start), bisect_left(self._words, start + _LAST)
        return sorted({place for places in self._places[first:end] for place in places})


def _words(text: str) -> list[str]:
    """List the words of a text without case and accents."""
    plain = unicodedata.normalize("NFKD", text.encode(errors="replace").decode()).casefold()
    return re.findall(r"[^\W_]+", "".join(each for each in plain if not unicodedata.combining(each)))
