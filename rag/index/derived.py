"""What is derived from a paper when it is indexed: keys to find it by, and fixed-size facts to filter and sort by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rag.corpus.ids import ids_of
from rag.corpus.links import introductions, name_key, title_name, words_of
from rag.corpus.titles import head_key
from rag.text.dates import last_day
from rag.text.names import name_words, parts_of
from rag.text.tokens import tokenize
from rag.text.venues import VENUE_KINDS, organisation_words, venue_keys, venue_kind
from rag.types import Paper

WORD = re.compile(r"[^\W_]+(?:[-’'][^\W_]+)*")
"""A word as its spelling is looked up."""

MIN_COMPOUND_LENGTH = 5  # letters

_MAX_LENGTH = 1000  # characters of a name by whose parts it is found

COLUMNS = np.dtype([("date", "<i4"), ("last", "<i4"), ("authors", "<i2"), ("venue_kind", "<i1"), ("held", "<u1")])
"""`date` is YYYYMMDD with zeros for what is not known, `last` the last day that it covers, in the same form, and both
are 0 without a date. `authors` is their number, -1 if unknown; `venue_kind` the place in VENUE_KINDS, -1 if none;
`held` the sum of the flags of `HELD` that apply."""

HELD = {"authors": 1, "venue": 2, "organisation": 4, "code": 8}
"""The flag of each field that says that a paper has it."""

_MAX_AUTHORS = np.iinfo(np.int16).max

Keys = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Derived:
    """Keys of a paper, each with its kind: those of `names` lead to the paper, those of `words` are only counted.

    Names are authors, venues with their years, organisations, ids, names that a paper introduces ("introduces"), that
    its title begins with ("title name"), and the part of it before a colon ("head"). Words are those whose spelling is
    looked up ("spelling"), other stems of theirs ("stem"), and words of links in lower case ("plain") and case-folded
    ("folded"). Of a word with a tab, the part before it leads to the part after it: letters to a compound, a
    part to an author, initials to a venue, and a word to an organisation.
    """

    names: Keys = frozenset()
    words: Keys = frozenset()


def derived(paper: Paper) -> Derived:
    """Derive a paper's names and words; if this changes, `rag.index.generations.FORMAT` has to be raised."""
    return Derived(frozenset(_names(paper)), frozenset(_words(paper)))


def columns(paper: Paper) -> tuple[int, ...]:
    """Return a paper's row of `COLUMNS`; if this changes, `rag.index.generations.FORMAT` has to be raised."""
    count = paper.known_author_count
    kind = venue_kind(paper.venue, paper.entry_type) if paper.venue else None
    return (
        packed_date(paper.date) if paper.date else 0,
        packed_date(str(last_day(paper.date))) if paper.date else 0,
        -1 if count is None else min(count, _MAX_AUTHORS),
        VENUE_KINDS.index(kind) if kind else -1,
        sum(flag for name, flag in HELD.items() if getattr(paper, name)),
    )


def packed_date(text: str) -> int:
    """Return an ISO date as an integer: "2024-07" is 20240700."""
    return int(text.replace("-", "").ljust(8, "0"))


def _names(paper: Paper) -> Iterator[tuple[str, str]]:
    yield from (("author", author) for author in paper.authors)
    if paper.dated_venue:
        yield "venue", paper.dated_venue
    if paper.organisation:
        yield "organisation", paper.organisation
    yield from (("id", each) for each in ids_of(paper))
    yield from (("introduces", name_key(each.name)) for each in introductions(paper))
    if name := title_name(paper):
        yield "title name", name
    if ":" in paper.title:
        yield "head", head_key(paper.title.split(":")[0])


def _words(paper: Paper) -> Iterator[tuple[str, str]]:
    parts = (paper.title, paper.abstract, *paper.authors, paper.venue or "", paper.organisation or "")
    for word in {match[0].lower() for match in WORD.finditer(" ".join(parts))}:
        yield from _of_word(word)
    for word in words_of(paper):
        yield "folded", word.casefold()
        if word == word.casefold():
            yield "plain", word
    for author in paper.authors:
        yield from _of_author(author)
    if venue := paper.dated_venue:
        yield from (("venue letters", f"{each}\t{venue}") for each in venue_keys(venue[:_MAX_LENGTH]))
    if paper.organisation:
        words = organisation_words(paper.organisation[:_MAX_LENGTH])
        yield from (("organisation word", f"{word}\t{paper.organisation}") for word in words)


@lru_cache(1 << 16)
def _of_word(word: str) -> tuple[tuple[str, str], ...]:
    found = [("spelling", word), *(("stem", stem) for stem in set(tokenize(word)) if stem.isalpha() and stem != word)]
    letters = word.replace("-", "")
    if letters != word and letters.isalpha() and len(word) >= MIN_COMPOUND_LENGTH:
        found.append(("compound", f"{letters}\t{word}"))
    return tuple(found)


@lru_cache(1 << 16)
def _of_author(author: str) -> tuple[tuple[str, str], ...]:
    words = (("author word", word) for word in name_words(author))
    return (*words, *(("author part", f"{part}\t{author}") for part in parts_of(author[:_MAX_LENGTH])))
