"""Mentions of constraints in a question, and the regular expressions that their recognisers share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rag.text.dates import first_day, last_day
from rag.types import Filters

PAPER = r"(?:papers?|articles?|preprints?|publications?|manuscripts?)"
WORK = rf"(?:{PAPER}|works?|stud(?:y|ies)|abstracts?|surveys?|entr(?:y|ies)|research|contributions?)"
PEOPLE = r"(?:people|researchers|authors|you|one|we|i|practitioners|they)"
FILLER = r"^(?:(?:hi|hello|hey|so|ok|okay|well|and|but|please|thanks|thank\s+you|no|yes|now|then)[\s,.!:-]+)*"
"""Matches what may precede a question: a greeting, thanks, "and"."""
_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_NUMBERS = {word: n for n, word in enumerate(f"{_ONES} eighteen nineteen twenty".split(), start=1)} | {
    "a couple of": 2, "a single": 1, "a dozen": 12,
}  # fmt: skip
NUMBER = rf"(?:{'|'.join(sorted(_NUMBERS, key=len, reverse=True))}|[1-9]\d{{0,2}})"

_NEGATION = r"\b(?:not|never|except|excluding|other than|apart from)"
_EXCLUDES = re.compile(
    rf"{_NEGATION}\s+(?:(?:for|from|by|in|at|of|with|those|the|ones|papers)\s+){{0,3}}$", re.IGNORECASE
)
_EXCLUSION = re.compile(rf"{_NEGATION}\s+(?:for|from|by|in|at|about|with)\b|\b(?:except|excluding)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mention:
    """A part of the question, `question[start:end]`, and the constraint that it states."""

    start: int
    end: int
    filters: Filters


def number(text: str) -> int:
    """Parse a number in digits or in words, as matched by NUMBER ("12", "twenty", "a dozen")."""
    return _NUMBERS[text.lower()] if text.lower() in _NUMBERS else int(text)


def blank(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Replace spans by spaces, which preserves the offsets of the remaining text."""
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def join(mentions: Iterable[Mention]) -> Filters:
    """Merge the constraints of all mentions: dates as in `_dates`, and the first of each other kind."""
    found = [mention.filters for mention in mentions]
    since, until = _dates([filters for filters in found if filters.since or filters.until])
    counted = next((filters for filters in found if filters.least_authors or filters.most_authors), Filters())
    return Filters(
        since,
        until,
        next((filters.author for filters in found if filters.author), None),
        counted.least_authors,
        counted.most_authors,
        next((filters.venue for filters in found if filters.venue), None),
        next((filters.code for filters in found if filters.code is not None), None),
    )


def _dates(found: list[Filters]) -> tuple[str | None, str | None]:
    """Return the intersection of all date ranges or, if it is empty ("in 2022 … in 2024"), the range covering them."""
    since = max((filters.since for filters in found if filters.since), key=first_day, default=None)
    until = min((filters.until for filters in found if filters.until), key=last_day, default=None)
    if not since or not until or first_day(since) <= last_day(until):
        return since, until
    open_start, open_end = (any(getattr(filters, name) is None for filters in found) for name in ("since", "until"))
    starts = [filters.since for filters in found if filters.since]
    ends = [filters.until for filters in found if filters.until]
    return (
        None if open_start else min(starts, key=first_day),
        None if open_end else max(ends, key=last_day),
    )


def is_excluded(question: str, start: int) -> bool:
    """Return whether the mention at `start` is negated, as in "not from 2025", and so is no filter."""
    return bool(_EXCLUDES.search(question[:start]))


def excludes(question: str) -> bool:
    """Return whether a question excludes something; exclusions are reported to the user, not applied."""
    return bool(_EXCLUSION.search(question))
