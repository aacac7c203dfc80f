"""Questions that the records answer exactly: which papers meet the constraints, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rag.answer import Relaxation
from rag.corpus.titles import find_by_title
from rag.query.orders import sort_value, sorted_papers
from rag.query.overrides import filter_phrases
from rag.types import CONSTRAINTS, Filters, Order, Paper, Query


def matching(query: Query, papers: Mapping[str, Paper]) -> tuple[Paper, ...]:
    """Return the papers that a metadata question asks for, in the order asked for, else oldest first.

    At most the count asked for is returned. Papers without the value that the order goes by come last, and are left out
    where a certain number are asked for. Fixed papers keep their order.
    """
    if query.fixed:
        return tuple(papers[paper_id] for paper_id in query.papers if query.admits(papers[paper_id]))
    found = list(papers.values())
    if query.subjects:
        ids = dict.fromkeys(paper_id for name in query.subjects if (paper_id := find_by_title(name, papers)))
        found = [papers[paper_id] for paper_id in ids]
    found = [paper for paper in found if query.admits(paper)]
    found.sort(key=lambda paper: paper.paper_id)
    return ordered(found, query.order or "oldest", query.count, only_known=bool(query.count and query.order))


def ordered(papers: Sequence[Paper], order: Order, count: int | None, only_known: bool) -> tuple[Paper, ...]:
    """Sort papers, no more than a count; with `only_known` those without the value are left out."""
    by_id = {paper.paper_id: paper for paper in papers}
    ranked = [by_id[paper_id] for paper_id in sorted_papers(by_id, order, by_id)]
    known = [paper for paper in ranked if sort_value(paper, order) is not None]
    return tuple((known if only_known else ranked)[:count])


def unnamed(query: Query, papers: Mapping[str, Paper]) -> tuple[str, ...]:
    """Return the names in a question that are no paper's title."""
    return tuple(name for name in query.subjects if find_by_title(name, papers) is None)


def unmet(query: Query, papers: Iterable[Paper]) -> tuple[Relaxation, ...]:
    """Return what lifting each constraint would leave, if no paper meets all of them; nothing where one does."""
    held = [paper for paper in papers if not query.papers or paper.paper_id in query.papers]
    return () if any(query.filters.admits(paper) for paper in held) else relaxations(query.filters, held)


def unrecorded(filters: Filters, papers: Iterable[Paper]) -> tuple[str, ...]:
    """Return the constraints that nothing can be said of, because no record holds what they are about."""
    told: Mapping[str, Callable[[Paper], object]] = {
        "author": lambda paper: paper.authors,
        "author_count": lambda paper: paper.known_author_count,
        "venue": lambda paper: paper.venue,
        "organisation": lambda paper: paper.organisation,
        "code": lambda paper: paper.code,
    }
    asked = filter_phrases(filters)
    held = tuple(papers)
    return tuple(name for name, value in told.items() if name in asked and not any(map(value, held)))


def relaxations(filters: Filters, papers: Iterable[Paper]) -> tuple[Relaxation, ...]:
    """Return for each constraint that is set how many papers meet all others."""
    held = tuple(papers)
    return tuple(
        Relaxation(name, sum(filters.without(name).admits(paper) for paper in held))
        for name in CONSTRAINTS
        if name in filter_phrases(filters)
    )
