"""The answer without a model: each cited paper's own sentences, verbatim but for their lost LaTeX (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from rag.display import readable
from rag.types import Evidence, Quote


def write_extractive(evidence: Sequence[Evidence]) -> str:
    """Write one Markdown list item per paper: its sentences, then its marker."""
    return "\n".join(f"- {_finding(each.quotes)} [{each.n}]" for each in evidence)


def _finding(quotes: Sequence[Quote]) -> str:
    """Join sentences, with an ellipsis where something between them was left out."""
    text = ""
    for before, quote in zip([None, *quotes], quotes, strict=False):
        gap = "" if before is None else (" … " if quote.start - before.end > 2 else " ")
        text += gap + " ".join(readable(quote.text).split())
    return text
