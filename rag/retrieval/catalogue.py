"""Questions that the records answer exactly: which papers meet the constraints, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rag.answer import Relaxation
from rag.corpus.titles import find_by_title
from rag.query.overrides import filter_phrases
from rag.types import CONSTRAINTS, Filters, Paper, Query


def matching(query: Query, papers: Mapping[str, Paper]) -> tuple[Paper, ...]:
    """Return the papers that a metadata question asks for, in the order asked for, else oldest first.

    At most the count asked for is returned. Papers without a date come last, and are left out where the oldest or
    newest of a certain number are asked for.
    """
    found = list(papers.values())
    if query.subjects:
        ids = dict.fromkeys(paper_id for name in query.subjects if (paper_id := find_by_title(name, papers)))
        found = [papers[paper_id] for paper_id in ids]
    found = [paper for paper in found if query.admits(paper)]
    dated = sorted((paper for paper in found if paper.date), key=lambda paper: (paper.date or "", paper.paper_id))
    if query.order == "newest":
        dated.reverse()
    if query.count and query.order:
        return tuple(dated[: query.count])
    return tuple([*dated, *(paper for paper in found if not paper.date)][: query.count])


def unnamed(query: Query, papers: Mapping[str, Paper]) -> tuple[str, ...]:
    """Return the names in a question that are no paper's title."""
    return tuple(name for name in query.subjects if find_by_title(name, papers) is None)


def unmet(query: Query, papers: Iterable[Paper]) -> tuple[Relaxation, ...]:
    """Return what lifting each constraint would leave, if no paper meets all of them; nothing where one does."""
    held = [paper for paper in papers if not query.papers or paper.paper_id in query.papers]
    return () if any(query.filters.admits(paper) for paper in held) else relaxations(query.filters, held)


def relaxations(filters: Filters, papers: Iterable[Paper]) -> tuple[Relaxation, ...]:
    """Return for each constraint that is set how many papers meet all others."""
    held = tuple(papers)
    return tuple(
        Relaxation(name, sum(filters.without(name).admits(paper) for paper in held))
        for name in CONSTRAINTS
        if name in filter_phrases(filters)
    )
