"""Fuzzy matching of paper titles (rapidfuzz): shortened, misspelt or partly remembered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from rag.corpus.records import title_key
from rag.text.normalize import spell_greek
from rag.types import Paper

_MIN_SIMILARITY = 88.0  # of 100
_MIN_WORDS = 3  # of a text that may stand for a title
_SHORTEST_MISSPELT = 5  # letters of a name
_FILLER = re.compile(r"\b(?:the|a|an|first|original|paper|papers|study|work|article|by|of)\b", re.IGNORECASE)


def find_by_title(name: str, papers: Mapping[str, Paper]) -> str | None:
    """Return the id of the paper that a name refers to ("Pebble": "Pebble: Small Caches"); None if none is similar.

    Part of a title identifies a paper by three words, or by two of which one has a capital.
    """
    wanted = without_filler(name)
    count = len(wanted.split())
    several = count >= _MIN_WORDS or (count == _MIN_WORDS - 1 and not name.islower())
    similarities = [
        (_similarity(wanted, paper, several), -len(paper.title), paper_id) for paper_id, paper in papers.items()
    ]
    score, _, paper_id = max(similarities, default=(0.0, 0, ""))
    return paper_id if wanted and score >= _MIN_SIMILARITY else None


@lru_cache(1 << 14)
def comparable(text: str) -> str:
    """Return a title or a name as titles are compared: its words in lower case, with Greek letters spelt out."""
    return title_key(spell_greek(text))


def without_filler(name: str) -> str:
    """Return a name as titles are compared, without words such as "the", "original" and "paper"."""
    return comparable(_FILLER.sub(" ", name))


def head_key(head: str) -> str:
    """Return a title up to its colon as a key: in lower case, without spaces, with Greek letters spelt out."""
    return comparable(head).replace(" ", "")


def is_title(text: str, papers: Iterable[Paper]) -> bool:
    """Return whether a text is a title of the collection, allowing for typos and word order."""
    from rapidfuzz import fuzz

    wanted = comparable(text)
    if len(wanted.split()) < _MIN_WORDS:
        return False
    return any(fuzz.token_sort_ratio(wanted, comparable(paper.title)) >= _MIN_SIMILARITY for paper in papers)


def is_short_title(text: str, papers: Iterable[Paper]) -> bool:
    """Return whether a text is a title up to its colon ("Pebble" of "Pebble: Small Caches"), allowing for typos."""
    wanted = comparable(text)
    return any(_similarity(wanted, paper, several=False) >= _MIN_SIMILARITY for paper in papers)


def _name_similarity(name: str, other: str) -> float:
    """Compare two names, each in one word; short ones are not misspelt, nor are numbers, as in "Pebble-3"."""
    from rapidfuzz import fuzz

    same_numbers = re.findall(r"\d+", name) == re.findall(r"\d+", other)
    alike = name == other or (same_numbers and min(len(name), len(other)) >= _SHORTEST_MISSPELT)
    return fuzz.ratio(name, other) if alike else 0.0


def _similarity(wanted: str, paper: Paper, several: bool) -> float:
    """Compare a name with the title up to its colon and, if it has several words, with the whole title."""
    from rapidfuzz import fuzz

    title, head = comparable(paper.title), comparable(paper.title.split(":")[0])
    as_head = _name_similarity(wanted.replace(" ", ""), head.replace(" ", ""))
    return max(as_head, fuzz.token_set_ratio(wanted, title)) if several else as_head
