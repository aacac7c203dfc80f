"""Quotes as text to read: LaTeX as Unicode, an ellipsis where a sentence or the text between two was cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.retrieval.passages import Span, abstract_sentences
from rag.text.display import display_line
from rag.text.latex import latex_to_text
from rag.types import Paper, Quote

NO_ABSTRACT = "its record has no abstract."
_GAP = 2  # characters between sentences that follow each other


def quoted(paper: Paper, quotes: Sequence[Quote], bold: Span | None = None) -> str:
    """Return quotes of one paper in one line of Markdown; `bold` are the offsets of words to emphasize.

    Of a paper without an abstract it says that there is none.
    """
    if not paper.abstract:
        return NO_ABSTRACT
    pieces = with_ellipses(paper, quotes)
    return " ".join(f"{before}{_shown(quote, bold)}{after}" for before, quote, after in pieces)


def with_ellipses(paper: Paper, quotes: Sequence[Quote]) -> Iterator[tuple[str, Quote, str]]:
    """Yield each quote with what precedes and follows it: an ellipsis where text was cut, else nothing."""
    bounds = abstract_sentences(paper)
    starts, ends = {start for start, _ in bounds}, {end for _, end in bounds}
    last: int | None = None
    for i, quote in enumerate(quotes):
        cut = quote.start not in starts if last is None else not quote.start - last <= _GAP
        last = quote.end
        yield "… " * cut, quote, " …" * (i == len(quotes) - 1 and last not in ends)


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
