"""Cited papers as CSV whose cells a spreadsheet does not evaluate."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from rag.answer import Citation
from rag.generation.export.entry import citation_key
from rag.text.latex import latex_to_text
from rag.text.sanitize import strip_invisible

_COLUMNS = "n title date authors organisation venue url doi pmid code data key paper_id quotes why".split()
_FORMULA = re.compile(r"(?P<begins>\A|[;\t]\s*)(?P<sign>[=+\-@|%＝＋－＠﹦﹢﹣﹫﹪％｜−])")
"""What a spreadsheet may take for a formula: a sign that begins a cell, or what a semicolon makes a cell of its own."""


def to_csv(citations: Iterable[Citation]) -> str:
    """Return a header and a row per paper; an apostrophe precedes a cell that a spreadsheet would evaluate."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(value) for value in _row(each)] for each in citations)
    return out.getvalue()


def _row(citation: Citation) -> tuple[str | int | None, ...]:
    paper = citation.paper
    return (
        citation.n,
        latex_to_text(paper.title),
        paper.date,
        "; ".join(paper.authors),
        paper.organisation,
        paper.venue,
        paper.url,
        paper.doi,
        paper.pmid,
        paper.code,
        paper.data,
        citation_key(paper),
        paper.paper_id,
        " … ".join(latex_to_text(quote.text) for quote in citation.quotes),
        citation.why,
    )


def _cell(value: str | int | None) -> str:
    shown = " ".join(strip_invisible(str(value if value is not None else "")).split())
    return _FORMULA.sub(r"\g<begins>'\g<sign>", shown)
