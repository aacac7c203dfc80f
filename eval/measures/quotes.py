"""Measures of the quotes: are they verbatim, and do they hold the sentences that the gold answer rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.questions import MUST, Span

_COVERED = 0.5  # of a gold quote's characters: DeYoung et al., ERASER, ACL 2020, match rationales at this overlap

Quotes = Sequence[tuple[str, Mapping[str, Any]]]


def verbatim_share(quotes: int, verbatim: int) -> dict[str, float]:
    """Give the share of an answer's quotes that stand in the abstract at their offsets; it must be 1."""
    return {"quotes_verbatim": verbatim / quotes} if quotes else {}


def evidence_scores(quotes: Quotes, evidence: Sequence[Span], relevant: Mapping[str, int]) -> dict[str, float]:
    """Give the share of gold evidence, of grade 2 papers, that the answer's quotes cover by half or more."""
    wanted = [span for span in evidence if relevant.get(span.paper_id) == MUST]
    if not wanted:
        return {}
    return {"evidence_recall": sum(covers(quotes, span) for span in wanted) / len(wanted)}


def covers(quotes: Quotes, span: Span) -> bool:
    """Tell whether quotes of the span's paper hold at least half of its characters."""
    held: set[int] = set()
    for paper_id, quote in quotes:
        if paper_id == span.paper_id:
            held.update(range(max(quote["start"], span.start), min(quote["end"], span.end)))
    return len(held) >= _COVERED * (span.end - span.start)
