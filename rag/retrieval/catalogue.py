"""Questions that the records answer alone: which papers meet the constraints, in which order (pure, exact)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rag.answer import Relaxation
from rag.corpus.titles import find_by_title
from rag.query.overrides import filter_phrases
from rag.text.display import display_line, display_title, format_count
from rag.types import CONSTRAINTS, Evidence, Filters, Paper, Query


def matching(query: Query, papers: Mapping[str, Paper]) -> tuple[Paper, ...]:
    """List the papers that a metadata question asks for: all that it names or constrains, in the order asked for.

    Without an order they come by date, oldest first, no more than the count that is asked for; papers without a date
    come last, and never where an order with a count asks for the oldest or newest.
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
    """List the names of a question that no paper answers to."""
    return tuple(name for name in query.subjects if find_by_title(name, papers) is None)


def relaxations(filters: Filters, papers: Iterable[Paper]) -> tuple[Relaxation, ...]:
    """Say for each constraint how many papers meet the others."""
    held = tuple(papers)
    return tuple(
        Relaxation(name, sum(filters.without(name).admits(paper) for paper in held))
        for name in CONSTRAINTS
        if name in filter_phrases(filters)
    )


def record_line(evidence: Evidence) -> str:
    """Say of a paper what the records hold: its title, date and number of authors, with its marker."""
    paper = evidence.paper
    count = paper.known_author_count
    known = [paper.date or "no date", *([format_count(count, "author")] if count else [])]
    known += [part for part in (paper.venue and display_line(paper.venue), "with code" if paper.code else None) if part]
    return f"- {display_title(paper.title)} ({', '.join(known)}) [{evidence.n}]"
