"""Question → Query (pure, no model): the kind of answer, what must be true of the papers, what to search for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rag.authors import author_mentions
from rag.availability import code_mentions
from rag.counts import author_count_mentions, papers_asked
from rag.dates import date_mentions
from rag.kinds import is_off_topic, kind_of
from rag.mentions import Mention, blank, join
from rag.order import ordering
from rag.subjects import compared, ordered
from rag.types import Paper, Query
from rag.venues import venue_mentions
from rag.wording import asks_for_papers, is_empty, search_text

_LONGEST = 1000  # characters; a longer text was pasted, and is searched for as it is


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a collection holds, by which a question's authors and venues are recognised."""

    authors: frozenset[str] = frozenset()
    venues: frozenset[str] = frozenset()


def known_from(papers: Iterable[Paper]) -> Known:
    """Gather the names that papers hold."""
    held = tuple(papers)
    return Known(
        frozenset(author for paper in held for author in paper.authors),
        frozenset(paper.venue for paper in held if paper.venue),
    )


def understand(question: str, known: Known, today: date) -> Query:
    """Read a question; `today` is what "last year" goes by."""
    question = " ".join(question.split())
    if len(question) > _LONGEST:
        return Query(question, "list", question)
    if is_off_topic(question):
        return Query(question, "off-topic", "")
    mentions = _mentions(question, known, today)
    rest = blank(question, [(mention.start, mention.end) for mention in mentions])
    order = ordering(rest)
    topic = blank(rest, order.spans if order else ())
    in_order = ordered(topic) if order else ()
    sides = compared(topic)
    opens = any(mention.start == 0 for mention in mentions)
    kind = kind_of(rest.strip(" ,;:") if opens else question, sides, order is not None)
    text = search_text(topic.strip(" ,;:"), kind)
    if _is_metadata(topic, bool(mentions), order is not None, bool(in_order)):
        kind, text = "metadata", ""
    elif not text:
        kind = "metadata" if asks_for_papers(question) else "off-topic"
    subjects = in_order or (sides if kind == "compare" else ())
    count = order.count if order and order.count else papers_asked(rest)
    return Query(question, kind, text, join(mentions), order.order if order else None, count, subjects)


def _mentions(question: str, known: Known, today: date) -> list[Mention]:
    """Find what constrains the papers; a stretch that states one constraint is not read for another."""
    found = author_count_mentions(question)
    for read in (
        lambda text: venue_mentions(text, known.venues),
        lambda text: author_mentions(text, known.authors),
        code_mentions,
        lambda text: date_mentions(text, today),
    ):
        found += read(blank(question, [(mention.start, mention.end) for mention in found]))
    return found


def _is_metadata(topic: str, constrained: bool, has_order: bool, lists_subjects: bool) -> bool:
    """Tell whether what the collection knows beside the abstracts answers alone."""
    if has_order and lists_subjects:
        return True
    return (constrained or has_order) and is_empty(search_text(topic, "list"))
