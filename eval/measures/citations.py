"""Measures of an answer's citations: the set of cited papers, and their quotes.

Precision, recall and F1 of the set: van Rijsbergen, Information Retrieval, 1979, chapter 7, per question. A grade 1
paper is neutral: citing it is neither a hit nor an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.gold.questions import MUST, EvidenceSpan

_COVERED = 0.5  # of a gold quote's characters: DeYoung et al., ERASER, ACL 2020, match rationales at this overlap

Quotes = Sequence[tuple[str, Mapping[str, Any]]]


def cited_scores(cited: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Score distinct cited paper ids; an answer that cites no grade 2 paper scores 0 throughout."""
    wanted = {paper_id for paper_id, grade in relevant.items() if grade == MUST}
    if not wanted:
        return {}
    hits = len(wanted.intersection(cited))
    errors = sum(paper_id not in relevant for paper_id in cited)
    precision = hits / (hits + errors) if hits else 0.0
    recall = hits / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"cited_precision": precision, "cited_recall": recall, "cited_f1": f1}


def relevant_share(cited: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Return the share of cited papers with any grade: citation precision of Liu et al., Findings of EMNLP 2023.

    Measured where the question is answerable and the answer cites a paper.
    """
    if not relevant or not cited:
        return {}
    return {"citations_relevant": sum(paper_id in relevant for paper_id in cited) / len(cited)}


def verbatim_share(quotes: int, verbatim: int) -> dict[str, float]:
    """Return the share of an answer's quotes that are in the abstract at their offsets; it must be 1."""
    return {"quotes_verbatim": verbatim / quotes} if quotes else {}


def evidence_scores(quotes: Quotes, evidence: Sequence[EvidenceSpan], relevant: Mapping[str, int]) -> dict[str, float]:
    """Return the share of gold evidence, of grade 2 papers, that the answer's quotes cover by half or more."""
    wanted = [span for span in evidence if relevant.get(span.paper_id) == MUST]
    if not wanted:
        return {}
    return {"evidence_recall": sum(covers(quotes, span) for span in wanted) / len(wanted)}


def covers(quotes: Quotes, span: EvidenceSpan) -> bool:
    """Return whether quotes of the span's paper cover at least half of its characters."""
    held: set[int] = set()
    for paper_id, quote in quotes:
        if paper_id == span.paper_id:
            held.update(range(max(quote["start"], span.start), min(quote["end"], span.end)))
    return len(held) >= _COVERED * (span.end - span.start)
