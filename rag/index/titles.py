"""Which papers a text may name by its words or letters: an inverted index of title words, and letter counts of titles.

It proposes the papers that `rag.corpus.titles` compares with a text. A part of a title is found by its words, however
common they are; a misspelt name by its letters, as every inserted or deleted letter changes one bit of its signature at
most; a misspelt title of several words by those that are spelt right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.corpus.titles import comparable

_MAX_CANDIDATES = 16  # candidates of each sort
_MIN_SHARED = 0.78  # letters of one text in words that it shares with another, from which they are 88 % similar
_MAX_LENGTH = 500  # letters of a word
_MAX_EDITS = 0.12  # insertions and deletions of a letter, of the letters of both texts, up to which they are
_LETTERS = (
    *((letter, 1) for letter in "abcdefghijklmnopqrstuvwxyz0123456789"),
    *((letter, 2) for letter in "etaonisrlcdmpugh"),
    *((letter, 3) for letter in "eaionrtsl"),
    *((letter, 4) for letter in "ei"),
)  # what each bit of a signature says: that a text has a letter at least so often
_ENTRY = np.dtype(
    [("row", "<i4"), ("length", "<u2"), ("words", "<u2"), ("title", "<u2"), ("head", "?"), ("bits", "<u8")]
)
_WORD = np.dtype([("word", "<u8"), ("end", "<i8")])
_USE = np.dtype("<i4")

Rows = NDArray[np.int64]


class TitleIndex:
    """The titles of a collection, and their parts before a colon, by the rows of their papers.

    An entry has the letters of a title, or of such a head, their number, that of its distinct words' letters, and the
    length of the whole title. Entries are sorted by length. Words are known by their hashes.
    """

    DTYPES: Mapping[str, np.dtype[Any]] = {
        "title entries": _ENTRY,
        "title words": _WORD,
        "title uses": _USE,
    }

    def __init__(self, entries: NDArray[np.void], words: NDArray[np.void], uses: NDArray[np.int32]) -> None:
        """`uses` are the entries that have each word, those of the i-th word up to `words["end"][i]`."""
        self._entries, self._words, self._uses = entries, words, uses
        columns = {name: np.ascontiguousarray(entries[name]) for name in _ENTRY.names or ()}
        self._row, self._length, self._letters = columns["row"], columns["length"], columns["words"]
        self._title, self._is_head, self._bits = columns["title"], columns["head"], columns["bits"]
        self._word = np.ascontiguousarray(words["word"])

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> TitleIndex:
        """Return the index that `arrays` returned the arrays of."""
        return cls(arrays["title entries"], arrays["title words"], arrays["title uses"])

    @classmethod
    def empty(cls) -> TitleIndex:
        """Return the index of no titles."""
        return cls(np.zeros(0, _ENTRY), np.zeros(0, _WORD), np.zeros(0, _USE))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the index by name, of the types in `DTYPES`."""
        return dict(zip(self.DTYPES, (self._entries, self._words, self._uses), strict=True))

    def updated(self, removed: Iterable[int], added: Mapping[int, str]) -> TitleIndex:
        """Return the index without the titles of some rows and with those of others, by row."""
        kept = np.flatnonzero(~np.isin(self._row, np.fromiter(removed, np.int64)))
        keys = [(row, title, key) for row, title in added.items() for key in _keys(title)]
        entries = np.concatenate([self._entries[kept], np.array([_entry(*each) for each in keys], _ENTRY)])
        order = np.argsort(entries["length"], kind="stable")
        place = np.empty(len(entries), np.int32)
        place[order] = np.arange(len(entries), dtype=np.int32)

        moved = np.full(len(self._entries), -1, np.int32)
        moved[kept] = place[: len(kept)]
        old_words = np.repeat(self._word, np.diff(self._words["end"], prepend=0))
        old_uses = moved[self._uses]
        held = [sorted(set(key.split())) for _, _, (key, _) in keys]
        new_words = np.fromiter(map(_hash, chain.from_iterable(held)), np.uint64)
        new_uses = np.repeat(place[len(kept) :], [len(each) for each in held])

        words = np.concatenate([old_words[old_uses >= 0], new_words])
        uses = np.concatenate([old_uses[old_uses >= 0], new_uses])
        by_word = np.argsort(words, kind="stable")
        distinct, counts = np.unique(words[by_word], return_counts=True)
        found = np.zeros(len(distinct), _WORD)
        found["word"], found["end"] = distinct, np.cumsum(counts)
        return TitleIndex(entries[order], found, uses[by_word].astype(_USE))

    def candidates(self, text: str) -> Rows:
        """Return the rows of the papers whose titles may be 88 % similar to a text in one of the senses of
        `rag.corpus.titles`, sorted; `text` is as `comparable` returns it.
        """
        if not text:
            return np.zeros(0, np.int64)
        shared, entries, letters = self._shared(text)
        found = [self._near(text.replace(" ", ""))]
        if len(entries):
            titles, own = self._title[entries], self._letters[entries].astype(np.int64)
            part, whole = shared / letters, shared / own
            found += [
                entries[_best(part, titles, part >= _MIN_SHARED)],
                entries[_best(whole, titles, whole >= _MIN_SHARED)],
                entries[_best(2 * shared / (letters + own), titles)],
            ]
            if len(contained := np.flatnonzero(shared == letters)):  # the shortest title counts, and of these the id
                found.append(entries[contained[titles[contained] == titles[contained].min()]])
        return np.unique(self._row[np.concatenate(found)]).astype(np.int64)

    def contained_in(self, text: str) -> Rows:
        """Return the rows of the papers of whose titles, or heads, a text has all words, sorted."""
        shared, entries, _ = self._shared(text)
        return np.unique(self._row[entries[shared == self._letters[entries]]]).astype(np.int64)

    def _shared(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Return how many letters of words entries share with a text, the entries that do, and the text's letters."""
        words = frozenset(text.split())
        shared = np.zeros(len(self._entries), np.uint16)
        for word in words:
            shared[self._entries_with(word)] += min(len(word), _MAX_LENGTH)
        entries = np.flatnonzero(shared)
        return shared[entries].astype(np.int64), entries, sum(map(len, words))

    def _entries_with(self, word: str) -> NDArray[np.int32]:
        hashed = _hash(word)
        at = int(np.searchsorted(self._word, np.uint64(hashed)))
        if at == len(self._word) or int(self._word[at]) != hashed:
            return self._uses[:0]
        return self._uses[int(self._words["end"][at - 1]) if at else 0 : int(self._words["end"][at])]

    def _near(self, letters: str) -> NDArray[np.int64]:
        """Return the entries of heads, or of titles without one, that may be an allowed number of edits away."""
        length = len(letters)
        bounds = (length * (1 - _MAX_EDITS) / (1 + _MAX_EDITS), length * (1 + _MAX_EDITS) / (1 - _MAX_EDITS))
        first, end = np.searchsorted(self._length, (np.ceil(bounds[0]), np.floor(bounds[1]) + 1))
        edits = np.bitwise_count(self._bits[first:end] ^ np.uint64(_signature(letters)))
        near = self._is_head[first:end] & (edits <= _MAX_EDITS * (self._length[first:end] + float(length)))
        places = np.flatnonzero(near)
        places = places[np.argsort(edits[places], kind="stable")[: 2 * _MAX_CANDIDATES]]
        return np.asarray(first + places, np.int64)


def _best(
    scores: NDArray[np.float64], titles: NDArray[np.uint16], within: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Return the places of the highest scores, of equal ones those of the shortest titles."""
    places = np.arange(len(scores)) if within is None else np.flatnonzero(within)
    if len(places) > _MAX_CANDIDATES:
        least = np.partition(scores[places], -_MAX_CANDIDATES)[-_MAX_CANDIDATES]
        places = places[scores[places] >= least]
    return places[np.lexsort((titles[places], -scores[places]))[:_MAX_CANDIDATES]]


def _keys(title: str) -> list[tuple[str, bool]]:
    """Return a title, and the part before its colon, each with whether the paper may be called by it alone."""
    whole, head = comparable(title), comparable(title.split(":")[0])
    return [(whole, True)] if head == whole else [(whole, False), (head, True)]


def _entry(row: int, title: str, key: tuple[str, bool]) -> tuple[int, int, int, int, bool, int]:
    text, is_head = key
    joined, most = text.replace(" ", ""), 2**16 - 1
    letters = sum(map(len, set(text.split())))
    return row, min(len(joined), most), min(letters, most), min(len(title), most), is_head, _signature(joined)


def _signature(letters: str) -> int:
    counts = Counter(letters)
    return sum(1 << bit for bit, (letter, least) in enumerate(_LETTERS) if counts[letter] >= least)


@lru_cache(1 << 16)
def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
