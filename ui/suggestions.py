"""Suggested follow-ups, made from the papers that an answer cites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rag.answer import Answer
from rag.generation.examples import LONGEST_OFFERED, short_name
from rag.text.display import display_title
from rag.types import Filters, Paper, Query

_MAX_SUGGESTIONS = 4


def follow_ups(answer: Answer) -> tuple[str, ...]:
    """Return up to four follow-ups that the papers of an answer can meet; none after a refusal."""
    papers = [citation.paper for citation in answer.citations]
    if not papers:
        return ()
    query = answer.query
    asked = query.asked.casefold()
    made = dict.fromkeys(
        (
            *_comparison(answer, papers),
            *_narrower(query.filters, papers),
            *_closer(query, papers),
            *_ordered(query, papers),
            *_next(answer),
            *_wider(query.filters, papers),
        )
    )
    return tuple(question for question in made if question.casefold() != asked)[:_MAX_SUGGESTIONS]


def _comparison(answer: Answer, papers: Sequence[Paper]) -> Iterator[str]:
    names = list(dict.fromkeys(name for name in map(short_name, papers) if name))
    if answer.query.kind != "compare" and len(names) > 1:
        yield f"Compare {names[0]} and {names[1]}"


def _narrower(filters: Filters, papers: Sequence[Paper]) -> Iterator[str]:
    """Yield questions that choose among the papers by what only some of them have."""
    if filters.code is None and 0 < sum(paper.code is not None for paper in papers) < len(papers):
        yield "Which of those have code?"
    years = sorted(paper.year for paper in papers if paper.year)
    middle = years[len(years) // 2] if years else 0
    if filters.since is filters.until is None and years and years[0] < middle:
        yield f"Only since {middle}"


def _closer(query: Query, papers: Sequence[Paper]) -> Iterator[str]:
    if query.kind == "lookup" or (query.action and query.action.name == "expand"):
        return  # the answer has said it already
    if len(papers) > 1:
        yield "Tell me more about the first"
    elif query.kind != "metadata":
        yield "Tell me more about that paper"


def _ordered(query: Query, papers: Sequence[Paper]) -> Iterator[str]:
    dates = {paper.date for paper in papers if paper.date}
    if query.order is None and query.kind != "compare" and len(papers) > 2 and len(dates) > 1:
        yield "Sort by date"


def _next(answer: Answer) -> Iterator[str]:
    if answer.query.kind == "list" and answer.near_misses and answer.missed and answer.missed.most:
        yield "Show more"


def _wider(filters: Filters, papers: Sequence[Paper]) -> Iterator[str]:
    """Yield questions for other work of the author and venue that several of the papers share."""
    author = _most_shared(author for paper in papers for author in paper.authors)
    if author and filters.author is None:
        yield f"Papers by {display_title(author)}"
    venue = _most_shared(paper.venue for paper in papers if paper.venue)
    if venue and filters.venue is None:
        yield f"Papers at {display_title(venue)}"


def _most_shared(names: Iterable[str]) -> str | None:
    """Return the name that most papers share, None where no two do; one too long to be offered does not count."""
    counts = Counter(name for name in names if len(name) <= LONGEST_OFFERED).most_common(1)
    return counts[0][0] if counts and counts[0][1] > 1 else None
