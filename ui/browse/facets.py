"""Filtering a collection by year, topic, code and text, and counting what each facet value would leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args
from urllib.parse import parse_qs, urlencode

from rag.types import Paper

Sort = Literal["best", "newest", "oldest", "title"]
NO_DATE = "no date"
_MAX_FIELDS = 200  # of a URL
_MAX_LENGTH = 500  # characters of the text that are kept in a URL


@dataclass(frozen=True, slots=True)
class BrowseQuery:
    """What the Browse tab shows; an empty tuple admits every value, and `years` hold values of `year_of`."""

    text: str = ""
    years: tuple[str, ...] = ()
    topics: tuple[int, ...] = ()
    code: bool = False
    sort: Sort = "best"

    def to_url_query(self) -> str:
        """Return the query as that of a URL."""
        values = {"text": self.text[:_MAX_LENGTH], "year": self.years, "topic": self.topics, "sort": self.sort}
        # An unpaired surrogate can be typed, and is no character.
        return urlencode({**values, **({"code": "1"} if self.code else {})}, doseq=True, errors="replace")


@dataclass(frozen=True, slots=True)
class Facets:
    """The papers that each value would leave, given the other facets: years newest first, topics by id."""

    years: tuple[tuple[str, int], ...]
    topics: tuple[tuple[int, int], ...]
    with_code: int


def browse_query_from_url(url_query: str) -> BrowseQuery:
    """Parse the query of a URL; invalid parts are ignored, and all of it if there are too many."""
    try:
        values = parse_qs(url_query, max_num_fields=_MAX_FIELDS, errors="replace")
    except ValueError:
        return BrowseQuery()
    sort = values.get("sort", ["best"])[0]
    return BrowseQuery(
        text=values.get("text", [""])[0][:_MAX_LENGTH],
        years=tuple(values.get("year", ())),
        topics=tuple(int(topic) for topic in values.get("topic", ()) if topic.isdecimal() and len(topic) < 6),
        code="code" in values,
        sort=as_sort(sort),
    )


def as_sort(value: str) -> Sort:
    """Return the sort order of that name, "best" for any other name."""
    return next((sort for sort in get_args(Sort) if sort == value), "best")


def year_of(paper: Paper) -> str:
    """Return a paper's year as a facet value."""
    return str(paper.year) if paper.year is not None else NO_DATE


def filter_and_sort(
    papers: Sequence[Paper],
    topic_of: Mapping[str, int],
    query: BrowseQuery,
    scores: Mapping[str, float] | None = None,
) -> tuple[Paper, ...]:
    """Return the papers that a query admits, sorted; `scores` holds those that match its text, None without a text.

    "best" sorts by score, without a text by date; ties go to the newer paper, then to the smaller id.
    """
    found = [paper for paper in papers if _admits(query, paper, topic_of, scores)]
    found.sort(key=lambda paper: paper.paper_id)
    if query.sort == "title":
        return tuple(sorted(found, key=lambda paper: paper.title.casefold()))
    found.sort(key=lambda paper: paper.date or "", reverse=query.sort != "oldest")
    if query.sort == "oldest":
        found.sort(key=lambda paper: paper.date is None)
    elif query.sort == "best" and scores is not None:
        found.sort(key=lambda paper: -scores[paper.paper_id])
    return tuple(found)


def count_facets(
    papers: Sequence[Paper],
    topic_of: Mapping[str, int],
    query: BrowseQuery,
    scores: Mapping[str, float] | None = None,
) -> Facets:
    """Count the papers that each value would leave; values that would leave none are included."""

    def count(others: BrowseQuery, value: Callable[[Paper], object]) -> Counter[object]:
        return Counter(value(paper) for paper in papers if _admits(others, paper, topic_of, scores))

    years = count(replace(query, years=()), year_of)
    topics = count(replace(query, topics=()), lambda paper: topic_of.get(paper.paper_id))
    code = count(replace(query, code=True), lambda paper: True)
    return Facets(
        tuple((year, years[year]) for year in _newest_first(year_of(paper) for paper in papers)),
        tuple((topic, topics[topic]) for topic in sorted(set(topic_of.values()))),
        code[True],
    )


def _newest_first(years: Iterable[str]) -> list[str]:
    return sorted(set(years), key=lambda year: (year != NO_DATE, year), reverse=True)


def _admits(query: BrowseQuery, paper: Paper, topic_of: Mapping[str, int], scores: Mapping[str, float] | None) -> bool:
    return (
        (scores is None or paper.paper_id in scores)
        and (not query.years or year_of(paper) in query.years)
        and (not query.topics or topic_of.get(paper.paper_id) in query.topics)
        and (not query.code or paper.code is not None)
    )
