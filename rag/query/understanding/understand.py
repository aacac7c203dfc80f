"""Parse a standalone question into a Query by rules: kind, filters, order, count, subjects, search text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from rag.query.understanding.authors import author_mentions
from rag.query.understanding.availability import code_mentions
from rag.query.understanding.counts import author_count_mentions, papers_asked
from rag.query.understanding.dates import date_mentions
from rag.query.understanding.kinds import is_off_topic, kind_of
from rag.query.understanding.mentions import Mention, blank, is_excluded, join
from rag.query.understanding.order import ordering
from rag.query.understanding.subjects import compared, credited, named_in_order, ordered
from rag.query.understanding.venues import venue_mentions
from rag.query.understanding.wording import asks_for_papers, is_empty, search_text
from rag.types import Paper, Query

_LONGEST = 1000  # characters; a longer text is searched for verbatim, as it was probably pasted

_PAPERS = r"\b(?:papers|works|studies|articles|preprints|publications|surveys)\b"
_PAPERS_BEFORE = re.compile(rf"{_PAPERS}[^.?!;:,]*$", re.IGNORECASE)
_PAPERS_AFTER = re.compile(rf"\s*(?:[\w-]+\s+){{0,3}}?{_PAPERS}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of a collection, for the recognition of authors and venues in questions."""

    authors: frozenset[str] = frozenset()
    venues: frozenset[str] = frozenset()


def known_names(papers: Iterable[Paper]) -> KnownNames:
    """Return the author and venue names of papers."""
    held = tuple(papers)
    return KnownNames(
        frozenset(author for paper in held for author in paper.authors),
        frozenset(paper.venue for paper in held if paper.venue),
    )


def understand(question: str, known: KnownNames, today: date) -> Query:
    """Parse a standalone question; `today` resolves relative dates such as "last year"."""
    question = " ".join(question.split())
    if len(question) > _LONGEST:
        return Query(question, "list", question)
    if is_off_topic(question):
        return Query(question, "off-topic", "")
    mentions = _mentions(question, known, today)
    query = _read(question, mentions)
    if query.kind in ("list", "metadata", "off-topic"):
        return query
    dates = [mention for mention in mentions if mention.filters.since or mention.filters.until]
    spans = query.kind == "compare" and len(dates) > 1
    binding = [mention for mention in mentions if (spans and mention in dates) or _binds(question, mention)]
    if query.kind == "lookup":
        return replace(query, filters=join(binding))
    return _read(question, binding)


def _read(question: str, mentions: list[Mention]) -> Query:
    """Build a query from the mentions and the text outside them."""
    rest = blank(question, [(mention.start, mention.end) for mention in mentions])
    order = ordering(rest)
    topic = blank(rest, order.spans if order else ())
    named = credited(topic) or ((ordered(topic) or named_in_order(rest)) if order else ())
    sides = compared(topic)
    opens = any(mention.start == 0 for mention in mentions)
    kind = kind_of(rest.strip(" ,;:") if opens else question, sides, order is not None)
    text = search_text(topic.strip(" ,;:"), kind)
    if named or _is_metadata(topic, bool(mentions), order is not None):
        kind, text = "metadata", ""
    elif not text:
        kind = "metadata" if asks_for_papers(question) else "off-topic"
    subjects = named or (sides if kind == "compare" else ())
    count = order.count if order and order.count else papers_asked(rest)
    return Query(
        question,
        kind,
        text,
        join(mentions),
        order.order if order else None,
        None if kind in ("fact", "lookup") else count,
        subjects,
    )


def _binds(question: str, mention: Mention) -> bool:
    """Return whether a mention constrains papers; a date or venue does next to a word for them ("papers from 2023")."""
    if not (mention.filters.since or mention.filters.until or mention.filters.venue):
        return True
    return bool(_PAPERS_BEFORE.search(question[: mention.start]) or _PAPERS_AFTER.match(question[mention.end :]))


def _mentions(question: str, known: KnownNames, today: date) -> list[Mention]:
    """Find all mentions of constraints, without overlaps and without negated ones."""
    found = author_count_mentions(question)
    for read in (
        lambda text: venue_mentions(text, known.venues),
        lambda text: author_mentions(text, known.authors),
        code_mentions,
        lambda text: date_mentions(text, today),
    ):
        found += read(blank(question, [(mention.start, mention.end) for mention in found]))
    return [mention for mention in found if not is_excluded(question, mention.start)]


def _is_metadata(topic: str, constrained: bool, has_order: bool) -> bool:
    """Return whether metadata alone answer the question: it states filters or an order, and no topic."""
    return (constrained or has_order) and is_empty(search_text(topic, "list"))
