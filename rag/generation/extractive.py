"""Extractive answers: each cited paper's own sentences, verbatim but for their LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import EstimatedMissing
from rag.generation.forms import FORMS, write_form
from rag.text.display import display_line, display_title, format_count
from rag.text.latex import latex_to_text
from rag.types import Evidence, Query, Quote


def write_extractive(query: Query, evidence: Sequence[Evidence], missed: EstimatedMissing | None = None) -> str:
    """Return a Markdown list with one item per paper.

    An item has the record for metadata questions; title, date and sentences where papers are compared, ordered or
    looked up; else the sentences. A list ends with a line on its completeness.
    """
    if query.action and query.action.name in FORMS:
        return write_form(query.action, evidence)
    if query.kind == "metadata":
        lines = [f"{format_count(len(evidence), 'paper')}.", "", *(record_line(each) for each in evidence)]
    else:
        lines = [item(query, each) for each in evidence]
    return "\n".join([*lines, "", completeness(len(evidence), missed)] if missed else lines)


def item(query: Query, evidence: Evidence) -> str:
    """Return a paper's own sentences as a list item with its marker."""
    return f"- {heading(query, evidence)}{_finding(evidence.quotes)} [{evidence.n}]"


def heading(query: Query, evidence: Evidence) -> str:
    """Return title and date where papers are compared, ordered or looked up, else nothing."""
    if not query.order and query.kind not in ("compare", "lookup"):
        return ""
    return f"**{display_title(evidence.paper.title)}** ({evidence.paper.date or 'no date'}): "


def record_line(evidence: Evidence) -> str:
    """Return a list item with a paper's title, date, number of authors, venue and marker."""
    paper = evidence.paper
    count = paper.known_author_count
    known = [paper.date or "no date", *([format_count(count, "author")] if count else [])]
    known += [part for part in (paper.venue and display_line(paper.venue), "with code" if paper.code else None) if part]
    return f"- {display_title(paper.title)} ({', '.join(known)}) [{evidence.n}]"


def completeness(cited: int, missed: EstimatedMissing) -> str:
    """Return in words how many papers an answer has, and how many more there may be."""
    papers = format_count(cited, "paper")
    if missed.most == 0:
        return f"{papers}; likely complete."
    more = f"{missed.least}–{missed.most}" if 0 < missed.least < missed.most else f"{missed.most}"
    return f"{papers}; perhaps {'up to ' if missed.least == 0 else ''}{more} more."


def _finding(quotes: Sequence[Quote]) -> str:
    """Join sentences, with an ellipsis where text between them was left out."""
    text = ""
    for before, quote in zip([None, *quotes], quotes, strict=False):
        gap = "" if before is None else (" … " if quote.start - before.end > 2 else " ")
        text += gap + latex_to_text(quote.text)
    return display_line(text)
