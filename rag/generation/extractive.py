"""The answer without a model: each cited paper's own sentences, verbatim but for their lost LaTeX (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import Missed
from rag.retrieval.catalogue import record_line
from rag.text.display import display_line, display_title, format_count
from rag.text.latex import latex_to_text
from rag.types import Evidence, Query, Quote


def write_extractive(query: Query, evidence: Sequence[Evidence], missed: Missed | None = None) -> str:
    """Write one Markdown list item per paper, in the form that the question's kind asks for.

    The records for metadata; title, date and sentences where papers are compared, ordered or looked up; else the
    sentences. Of a list, a last line says how whole it is.
    """
    if query.kind == "metadata":
        lines = [f"{format_count(len(evidence), 'paper')}.", "", *(record_line(each) for each in evidence)]
    else:
        lines = [item(query, each) for each in evidence]
    return "\n".join([*lines, "", completeness(len(evidence), missed)] if missed else lines)


def item(query: Query, evidence: Evidence) -> str:
    """Write a paper's own sentences as a list item, with its number."""
    return f"- {heading(query, evidence)}{_finding(evidence.quotes)} [{evidence.n}]"


def heading(query: Query, evidence: Evidence) -> str:
    """Give title and date where papers are compared, ordered or looked up, else nothing."""
    if not query.order and query.kind not in ("compare", "lookup"):
        return ""
    return f"**{display_title(evidence.paper.title)}** ({evidence.paper.date or 'no date'}): "


def completeness(cited: int, missed: Missed) -> str:
    """Say in words how many papers an answer has, and how many more there may be."""
    papers = format_count(cited, "paper")
    if missed.most == 0:
        return f"{papers}; likely complete."
    more = f"{missed.least}–{missed.most}" if 0 < missed.least < missed.most else f"{missed.most}"
    return f"{papers}; perhaps {'up to ' if missed.least == 0 else ''}{more} more."


def _finding(quotes: Sequence[Quote]) -> str:
    """Join sentences, with an ellipsis where something between them was left out."""
    text = ""
    for before, quote in zip([None, *quotes], quotes, strict=False):
        gap = "" if before is None else (" … " if quote.start - before.end > 2 else " ")
        text += gap + latex_to_text(quote.text)
    return display_line(text)
