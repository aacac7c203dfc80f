"""BM25 index over papers (title and abstract): postings on disk, from which a question's scores are computed.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), Lucene's variant. Postings name
papers by rows that do not change (`rag.index.papers`), so that an update only adds and removes some.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.index.stored_array import StoredArray
from rag.text.tokens import JOINTS, tokenize
from rag.types import Paper

K1 = 1.5
B = 0.75
_MAX_PAPERS = 200  # that have all words of a text
_REMEMBERED = 1 << 14  # terms whose place is remembered
_SCORED = 4  # questions whose scores are remembered, as one is searched for in several ways
_MAX_COUNT = np.iinfo(np.uint16).max
_LONG = ("rows", "counts")  # of which only what a question needs is read


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Which rows have which terms, and how often.

    `terms` are the sorted terms as UTF-8, the i-th up to `ends[i]`. Its postings are those from `starts[i]` to
    `starts[i + 1]` of `rows` and of `counts`. `lengths` has the number of terms of each row, 0 where there is no paper.
    """

    terms: NDArray[np.uint8]
    ends: NDArray[np.int64]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32] | StoredArray
    counts: NDArray[np.uint16] | StoredArray
    lengths: NDArray[np.int32]

    @classmethod
    def empty(cls) -> Postings:
        """Return the postings of no papers."""
        none, number = np.zeros(0, np.int32), np.zeros(0, np.int64)
        return cls(none.astype(np.uint8), number, np.zeros(1, np.int64), none, none.astype(np.uint16), none)

    @classmethod
    def load(cls, folder: Path) -> Postings:
        """Open saved postings; raises OSError, EOFError or ValueError."""
        paths = {each.name: folder / f"{each.name}.npy" for each in fields(cls)}
        arrays: dict[str, Any] = {
            name: StoredArray.of_npy(path) if name in _LONG else np.load(path) for name, path in paths.items()
        }
        return cls(**arrays)

    def save(self, folder: Path) -> None:
        """Save the postings to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for each in fields(self):
            np.save(folder / f"{each.name}.npy", getattr(self, each.name))

    def of_term(self, term: str) -> slice:
        """Return where the postings of a term are; an empty slice if there are none."""
        wanted = term.encode()
        at = bisect_left(range(len(self.ends)), wanted, key=self._term)
        if at == len(self.ends) or self._term(at) != wanted:
            return slice(0)
        return slice(int(self.starts[at]), int(self.starts[at + 1]))

    def updated(self, removed: Iterable[int], added: Mapping[int, str]) -> Postings:
        """Return the postings without those of some rows and with those of texts by row, in linear time."""
        old_rows, old_counts = self.rows[:], self.counts[:]
        lengths = np.zeros(max([len(self.lengths), *(row + 1 for row in added)]), np.int32)
        lengths[: len(self.lengths)] = self.lengths
        gone = np.zeros(len(lengths), bool)
        gone[[row for row in removed if row < len(gone)]] = True
        lengths[gone] = 0
        kept = ~gone[old_rows]
        held = np.diff(np.concatenate([[0], np.cumsum(kept)])[self.starts])  # postings of each term

        number_of: dict[str, int] = {}
        numbers, counts, distinct = array("i"), array("i"), array("i")
        for row, text in added.items():
            found = Counter(tokenize(text))
            numbers.extend(number_of.setdefault(term, len(number_of)) for term in found)
            counts.extend(found.values())
            distinct.append(len(found))
            lengths[row] = found.total()

        old = [term for term, postings in zip(self._all_terms(), held.tolist(), strict=True) if postings]
        held = held[held > 0]
        new_terms = sorted(term.encode() for term in number_of)
        places = np.array([bisect_left(old, term) for term in new_terms], np.int64)
        unknown = [
            (place, term)
            for place, term in zip(places.tolist(), new_terms, strict=True)
            if place == len(old) or old[place] != term
        ]
        terms = sorted([*old, *(term for _, term in unknown)])
        held = np.insert(held, [place for place, _ in unknown], 0)
        new_number = np.empty(len(number_of), np.int64)
        new_number[[number_of[term.decode()] for term in new_terms]] = [bisect_left(terms, term) for term in new_terms]
        of_posting = new_number[np.frombuffer(numbers, np.intc)]
        order = np.argsort(of_posting, kind="stable")
        at = np.cumsum(held)[of_posting[order]]
        new_rows = np.repeat(np.fromiter(added, np.int32, len(added)), np.frombuffer(distinct, np.intc))
        new_counts = np.minimum(np.frombuffer(counts, np.intc), _MAX_COUNT).astype(np.uint16)
        totals = held + np.bincount(of_posting, minlength=len(terms))
        return Postings(
            terms=np.frombuffer(b"".join(terms), np.uint8),
            ends=np.cumsum([len(term) for term in terms], dtype=np.int64),
            starts=np.concatenate([[0], np.cumsum(totals)]).astype(np.int64),
            rows=np.insert(old_rows[kept], at, new_rows[order]),
            counts=np.insert(old_counts[kept], at, new_counts[order]),
            lengths=lengths,
        )

    def _term(self, i: int) -> bytes:
        return self.terms[self.ends[i - 1] if i else 0 : self.ends[i]].tobytes()

    def _all_terms(self) -> list[bytes]:
        blob, ends = self.terms.tobytes(), self.ends.tolist()
        return [blob[start:end] for start, end in zip([0, *ends], ends, strict=False)]


class Bm25Index:
    """Scores all papers of a collection for a question; papers are identified by position."""

    def __init__(self, postings: Postings, order: NDArray[np.integer[Any]], k1: float = K1, b: float = B) -> None:
        """`order` has each position's row, `k1` is the saturation of frequencies, `b` in [0, 1] the length penalty."""
        self._postings = postings
        self._of_term = lru_cache(_REMEMBERED)(postings.of_term)
        self._scored = lru_cache(_SCORED)(self._scores)
        self._order = order
        self._k1 = k1
        self._b = b

    @classmethod
    def build(cls, papers: Sequence[Paper], k1: float = K1, b: float = B) -> Bm25Index:
        """Index papers in the given order, in memory."""
        postings = Postings.empty().updated((), {row: indexed_text(paper) for row, paper in enumerate(papers)})
        return cls(postings, np.arange(len(papers)), k1, b)

    def scores(self, terms: Iterable[str]) -> NDArray[np.float32]:
        """Return the BM25 score of each paper, read-only; 0 for a paper that has none of the terms."""
        return self._scored(tuple(terms))

    def _scores(self, terms: tuple[str, ...]) -> NDArray[np.float32]:
        scores = np.zeros(len(self._postings.lengths), np.float32)
        for own in map(self._of_term, terms):
            rows, counts = self._postings.rows[own], self._postings.counts[own].astype(np.float32)
            scores[rows] += self._rarity(len(rows)) * counts / (counts + self._penalties[rows])
        found: NDArray[np.float32] = scores[self._order]
        found.flags.writeable = False
        return found

    def papers_with_words(self, text: str) -> NDArray[np.int64]:
        """Return the positions of papers that have all words of a text, compounds in parts, in any inflection.

        Of so many that reading them would take long, those with the highest scores are returned.
        """
        terms = dict.fromkeys(tokenize(JOINTS.sub(" ", text)))
        held = np.zeros(len(self._postings.lengths), np.int32)
        for own in map(self._of_term, terms):
            held[self._postings.rows[own]] += 1
        found = np.flatnonzero(held[self._order] == len(terms)) if terms else np.zeros(0, np.int64)
        if len(found) > _MAX_PAPERS:
            scores = self.scores(terms)[found]
            found = np.sort(found[np.argsort(-scores, kind="stable")[:_MAX_PAPERS]])
        return found

    def document_frequency(self, term: str) -> int:
        """Return how many papers have a term."""
        own = self._of_term(term)
        return int(own.stop) - int(own.start or 0)

    def close(self) -> None:
        """Close the files."""
        for each in (self._postings.rows, self._postings.counts):
            if isinstance(each, StoredArray):
                each.close()

    def _rarity(self, papers: int) -> np.float32:
        return np.float32(math.log1p((len(self._order) - papers + 0.5) / (papers + 0.5)))

    @cached_property
    def _penalties(self) -> NDArray[np.float32]:
        """The length penalty of each row."""
        lengths = self._postings.lengths
        relative = lengths * (len(self._order) / (lengths.sum(dtype=np.int64) or 1))
        penalties: NDArray[np.float32] = (self._k1 * (1 - self._b + self._b * relative)).astype(np.float32)
        return penalties


def indexed_text(paper: Paper) -> str:
    """Return the text of a paper whose terms are indexed."""
    return f"{paper.title}. {paper.abstract}"
