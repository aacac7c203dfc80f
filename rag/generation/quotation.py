"""Quotes as text to read: LaTeX as Unicode, an ellipsis where a sentence or the text between two was cut."""

from __future__ import annotations

from collections.abc import Sequence

from rag.retrieval.passages import Span, abstract_sentences
from rag.text.display import display_line
from rag.text.latex import latex_to_text
from rag.types import Paper, Quote

_GAP = 2  # characters between sentences that follow each other


def quoted(paper: Paper, quotes: Sequence[Quote], bold: Span | None = None) -> str:
    """Return quotes of one paper in one line of Markdown; `bold` are the offsets of words to emphasize."""
    bounds = abstract_sentences(paper)
    starts, ends = {start for start, _ in bounds}, {end for _, end in bounds}
    text, last = "", None
    for quote in quotes:
        follows = last is not None and quote.start - last <= _GAP
        cut_before = quote.start not in starts if last is None else not follows
        gap = "" if last is None else " "
        text += f"{gap}{'… ' if cut_before else ''}{_shown(quote, bold)}"
        last = quote.end
    return f"{text} …" if last is not None and last not in ends else text


def _shown(quote: Quote, bold: Span | None) -> str:
    """Return one quote; the parts around what is emphasized are sanitized apart, so that no mark of theirs remains."""
    if bold is None or not quote.start <= bold[0] < bold[1] <= quote.end:
        return display_line(latex_to_text(quote.text))
    start, end = bold[0] - quote.start, bold[1] - quote.start
    before, value, after = quote.text[:start], quote.text[start:end], quote.text[end:]
    space_before = " " * (before != before.rstrip())
    space_after = " " * (after != after.lstrip())
    shown = [display_line(latex_to_text(part)) for part in (before, value, after)]
    return f"{shown[0]}{space_before}**{shown[1]}**{space_after}{shown[2]}"
