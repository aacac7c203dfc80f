"""Parser for saved listing pages.

One grammar covers three layouts: title, abstract and lines of metadata (authors, date); title and abstract only; and
such pairs without blank lines, where the first title follows a button's label without a space. Page headings and
buttons (boilerplate) are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from rag.errors import CorpusError
from rag.text.dates import MONTHS
from rag.types import Problem

_BOILERPLATE = re.compile(
    r"new|Subscribe|Daily Papers|Previous|Next"
    r"|Get trending papers in your email inbox( once a day)?!"
    r"|by ?.{0,40} and the research community"
)
_GLUED_BUTTON = re.compile(r"Subscribe(?=[A-Z0-9])")
_AUTHORS = re.compile(r"• (\d+) authors?")
_SEPARATOR = "·"
_DATE = re.compile(rf"({'|'.join(MONTHS)}) (\d{{1,2}})(?:, (\d{{4}}))?(?: (\d+))?")
_REPEATED_NAME = re.compile(r"(.+?) (?=\1\b)")
_MIN_ABSTRACT_CHARACTERS = 200
_MIN_ABSTRACT_WORDS = 8


@dataclass(frozen=True, slots=True)
class ListingEntry:
    """One paper on a page; `line` is the line number of its title, from 1."""

    line: int
    title: str
    abstract: str
    date: str | None = None
    author_count: int | None = None
    organisation: str | None = None
    comments: int | None = None


def is_listing(text: str) -> bool:
    """Return whether a text is a saved listing page, by its heading or its lines of author counts."""
    lines = [line.strip() for line in text.split("\n")]
    return any(line.startswith("Get trending papers") or _AUTHORS.fullmatch(line) for line in lines)


def parse_listing(text: str, source: str, saved_year: int) -> tuple[tuple[ListingEntry, ...], tuple[Problem, ...]]:
    """Parse a page into its entries, in page order, and the items that could not be parsed.

    `saved_year` is the year of dates printed without one. Raises CorpusError if the page contradicts it.
    """
    parser = _Parser(source, saved_year)
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    for (number, line), (_, following) in zip(lines, [*lines[1:], (0, "")], strict=True):
        parser.parse_line(number, line, following)
    parser.drop_title()
    return tuple(parser.entries), tuple(parser.problems)


class _Parser:
    """Parses a page line by line: a title is pending until its abstract; metadata belongs to the last entry."""

    def __init__(self, source: str, saved_year: int) -> None:
        self.entries: list[ListingEntry] = []
        self.problems: list[Problem] = []
        self._source = source
        self._saved_year = saved_year
        self._title: tuple[int, str] | None = None
        self._open = False
        self._button_is_glued = False

    def parse_line(self, number: int, line: str, following: str) -> None:
        """Parse one line; `following` is the next non-blank line."""
        if _BOILERPLATE.fullmatch(line):
            self._button_is_glued = line.startswith("Get trending")
        elif line == _SEPARATOR:
            pass
        elif match := _AUTHORS.fullmatch(line):
            self._add(author_count=int(match[1]))
        elif match := _DATE.fullmatch(line):
            self._parse_date(number, match)
        elif following == _SEPARATOR and self._open:
            self._add(organisation=_REPEATED_NAME.sub("", line, count=1))
        elif _is_abstract(line):
            self._parse_abstract(number, line)
        else:
            self._parse_title(number, line)

    def drop_title(self) -> None:
        """Report the pending title, if any, as lacking an abstract."""
        if self._title:
            number, title = self._title
            self._report(number, f"a title without an abstract: {title}")
            self._title = None

    def _parse_title(self, number: int, line: str) -> None:
        self.drop_title()
        if self._button_is_glued and _GLUED_BUTTON.match(line):
            line = _GLUED_BUTTON.sub("", line, count=1)
        self._button_is_glued = False
        self._title = (number, line)
        self._open = False

    def _parse_abstract(self, number: int, line: str) -> None:
        if self._title is None:
            self._report(number, f"an abstract without a title: {line[:60]}…")
            self._open = False
            return
        self.entries.append(ListingEntry(self._title[0], self._title[1], line))
        self._title = None
        self._open = True

    def _parse_date(self, number: int, match: re.Match[str]) -> None:
        month, day, year, comments = match.groups()
        if year and int(year) >= self._saved_year:
            raise CorpusError(
                f"{self._source} line {number} prints the year {year}, which a page saved in {self._saved_year} "
                "would omit. Set the year in which it was saved with --saved-year."
            )
        try:
            day_known = date(int(year or self._saved_year), MONTHS.index(month) + 1, int(day))
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


def _is_abstract(line: str) -> bool:
    """Return whether a line is an abstract, not a title: long, or a sentence that ends in a full stop."""
    return len(line) >= _MIN_ABSTRACT_CHARACTERS or (line.endswith(".") and len(line.split()) >= _MIN_ABSTRACT_WORDS)
