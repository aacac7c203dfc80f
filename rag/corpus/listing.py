"""The saved listing pages: text → entries (pure).

Three shapes are read by one grammar: blocks of title, abstract and a line or two about authors and date; blocks of
title and abstract only; and the same pairs without blank lines, the first title glued to a button's word.
What the page says beside its papers (headings, buttons) is furniture and never becomes an entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from rag.errors import CorpusError
from rag.types import Problem

_FURNITURE = re.compile(
    r"new|Subscribe|Daily Papers|Previous|Next"
    r"|Get trending papers in your email inbox( once a day)?!"
    r"|by ?.{0,40} and the research community"
)
_GLUED_BUTTON = re.compile(r"Subscribe(?=[A-Z0-9])")
_AUTHORS = re.compile(r"• (\d+) authors?")
_SEPARATOR = "·"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(rf"({'|'.join(_MONTHS)}) (\d{{1,2}})(?:, (\d{{4}}))?(?: (\d+))?")
_REPEATED_NAME = re.compile(r"(.+?) (?=\1\b)")
_ABSTRACT_CHARACTERS = 200
_ABSTRACT_WORDS = 8


@dataclass(frozen=True, slots=True)
class ListingEntry:
    """One block of a page; `line` is its title's, counted from 1."""

    line: int
    title: str
    abstract: str
    date: str | None = None
    author_count: int | None = None
    organisation: str | None = None
    comments: int | None = None


def is_listing(text: str) -> bool:
    """Tell whether a text is a saved listing page: it has that page's furniture or its authors lines."""
    lines = [line.strip() for line in text.split("\n")]
    return any(line.startswith("Get trending papers") or _AUTHORS.fullmatch(line) for line in lines)


def parse_listing(text: str, source: str, saved_year: int) -> tuple[tuple[ListingEntry, ...], tuple[Problem, ...]]:
    """Read a page's entries in page order, and the blocks that could not be read.

    `saved_year` is the year of a date that prints none. Raises CorpusError where the page contradicts it.
    """
    reader = _Reader(source, saved_year)
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    for (number, line), (_, following) in zip(lines, [*lines[1:], (0, "")], strict=True):
        reader.read(number, line, following)
    reader.drop_title()
    return tuple(reader.entries), tuple(reader.problems)


class _Reader:
    """Reads a page line by line: a title waits for its abstract, and lines of metadata belong to the open entry."""

    def __init__(self, source: str, saved_year: int) -> None:
        self.entries: list[ListingEntry] = []
        self.problems: list[Problem] = []
        self._source = source
        self._saved_year = saved_year
        self._title: tuple[int, str] | None = None
        self._open = False
        self._button_is_glued = False

    def read(self, number: int, line: str, following: str) -> None:
        """Take one line; `following` is the next line that is not blank."""
        if _FURNITURE.fullmatch(line):
            self._button_is_glued = line.startswith("Get trending")
        elif line == _SEPARATOR:
            pass
        elif match := _AUTHORS.fullmatch(line):
            self._add(author_count=int(match[1]))
        elif match := _DATE.fullmatch(line):
            self._read_date(number, match)
        elif following == _SEPARATOR and self._open:
            self._add(organisation=_REPEATED_NAME.sub("", line, count=1))
        elif _reads_as_abstract(line):
            self._read_abstract(number, line)
        else:
            self._read_title(number, line)

    def drop_title(self) -> None:
        """Report a title whose abstract did not come."""
        if self._title:
            number, title = self._title
            self._report(number, f"a title without an abstract: {title}")
            self._title = None

    def _read_title(self, number: int, line: str) -> None:
        self.drop_title()
        if self._button_is_glued and _GLUED_BUTTON.match(line):
            line = _GLUED_BUTTON.sub("", line, count=1)
        self._button_is_glued = False
        self._title = (number, line)
        self._open = False

    def _read_abstract(self, number: int, line: str) -> None:
        if self._title is None:
            self._report(number, f"an abstract without a title: {line[:60]}…")
            self._open = False
            return
        self.entries.append(ListingEntry(self._title[0], self._title[1], line))
        self._title = None
        self._open = True

    def _read_date(self, number: int, match: re.Match[str]) -> None:
        month, day, year, comments = match.groups()
        if year and int(year) >= self._saved_year:
            raise CorpusError(
                f"{self._source} line {number} prints the year {year}, which a page saved in {self._saved_year} "
                "would leave out. Name the year it was saved in with --saved-year."
            )
        try:
            day_known = date(int(year or self._saved_year), _MONTHS.index(month) + 1, int(day))
        except ValueError:
            self._report(number, f"no such date: {match[0]}")
            return
        self._add(date=day_known.isoformat(), comments=int(comments) if comments else None)

    def _add(self, **known: str | int | None) -> None:
        if self._open:
            self.entries[-1] = replace(self.entries[-1], **known)  # type: ignore[arg-type]
        else:
            self.drop_title()

    def _report(self, number: int, reason: str) -> None:
        self.problems.append(Problem(self._source, number, reason))


def _reads_as_abstract(line: str) -> bool:
    """Tell an abstract from a title by its length, or by being a sentence with a full stop."""
    return len(line) >= _ABSTRACT_CHARACTERS or (line.endswith(".") and len(line.split()) >= _ABSTRACT_WORDS)
