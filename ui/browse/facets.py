"""Narrowing a collection down by year, topic, code and text, with what each value would leave (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args
from urllib.parse import parse_qs, urlencode

from rag.types import Paper

Sort = Literal["best", "newest", "oldest", "title"]
NO_DATE = "no date"
_MOST_FIELDS = 200  # of an address
_LONGEST = 500  # characters of a text that are kept in an address


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of the collection; an empty tuple admits every value. `years` are as `year_of` gives them."""

    text: str = ""
    years: tuple[str, ...] = ()
    topics: tuple[int, ...] = ()
    code: bool = False
    sort: Sort = "best"

    def to_query(self) -> str:
        """Write the selection as the query of an address."""
        values = {"text": self.text[:_LONGEST], "year": self.years, "topic": self.topics, "sort": self.sort}
        # An unpaired surrogate can be typed, and is no character.
        return urlencode({**values, **({"code": "1"} if self.code else {})}, doseq=True, errors="replace")


@dataclass(frozen=True, slots=True)
class Facets:
    """How many papers each value would leave, given the other facets: years newest first, topics by id."""

    years: tuple[tuple[str, int], ...]
    topics: tuple[tuple[int, int], ...]
    with_code: int


def selection_from_query(query: str) -> Selection:
    """Read a selection from the query of an address; what is not one is left out, all of one with too many parts."""
    try:
        values = parse_qs(query, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        return Selection()
    sort = values.get("sort", ["best"])[0]
    return Selection(
        text=values.get("text", [""])[0][:_LONGEST],
        years=tuple(values.get("year", ())),
        topics=tuple(int(topic) for topic in values.get("topic", ()) if topic.isdecimal() and len(topic) < 6),
        code="code" in values,
        sort=as_sort(sort),
    )


def as_sort(value: str) -> Sort:
    """Read the name of an order; another name is "best"."""
    return next((sort for sort in get_args(Sort) if sort == value), "best")


def year_of(paper: Paper) -> str:
    """Give a paper's year as a facet's value."""
    return str(paper.year) if paper.year is not None else NO_DATE


def selected(
    papers: Sequence[Paper],
    topic_of: Mapping[str, int],
    selection: Selection,
    scores: Mapping[str, float] | None = None,
) -> tuple[Paper, ...]:
    """Give the papers that a selection admits, sorted; `scores` has those that match its text, None where it has none.

    "best" is by score, and by date where there is no text; ties go to the newer paper, then to the smaller id.
    """
    found = [paper for paper in papers if _admits(selection, paper, topic_of, scores)]
    found.sort(key=lambda paper: paper.paper_id)
    if selection.sort == "title":
        return tuple(sorted(found, key=lambda paper: paper.title.casefold()))
    found.sort(key=lambda paper: paper.date or "", reverse=selection.sort != "oldest")
    if selection.sort == "oldest":
        found.sort(key=lambda paper: paper.date is None)
    elif selection.sort == "best" and scores is not None:
        found.sort(key=lambda paper: -scores[paper.paper_id])
    return tuple(found)


def facets(
    papers: Sequence[Paper],
    topic_of: Mapping[str, int],
    selection: Selection,
    scores: Mapping[str, float] | None = None,
) -> Facets:
    """Count what each value would leave; all values of the collection are listed, also those that would leave none."""

    def count(others: Selection, value: Callable[[Paper], object]) -> Counter[object]:
        return Counter(value(paper) for paper in papers if _admits(others, paper, topic_of, scores))

    years = count(replace(selection, years=()), year_of)
    topics = count(replace(selection, topics=()), lambda paper: topic_of.get(paper.paper_id))
    code = count(replace(selection, code=True), lambda paper: True)
    return Facets(
        tuple((year, years[year]) for year in _newest_first(year_of(paper) for paper in papers)),
        tuple((topic, topics[topic]) for topic in sorted(set(topic_of.values()))),
        code[True],
    )


def _newest_first(years: Iterable[str]) -> list[str]:
    return sorted(set(years), key=lambda year: (year != NO_DATE, year), reverse=True)


def _admits(
    selection: Selection, paper: Paper, topic_of: Mapping[str, int], scores: Mapping[str, float] | None
) -> bool:
    return (
        (scores is None or paper.paper_id in scores)
        and (not selection.years or year_of(paper) in selection.years)
        and (not selection.topics or topic_of.get(paper.paper_id) in selection.topics)
        and (not selection.code or paper.code is not None)
    )
