"""Measures of refusal: Rajpurkar et al., Know what you don't know (SQuAD 2.0), ACL 2018, as two rates.

Where the gold says that a question's premise is false, an answer that cites its near misses, and nothing else, has
corrected the premise and is right. Elsewhere only a refusal is: a quote of a near miss does not answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.gold import Question

_FALSE_PREMISE = "premise is false"


def refusal_scores(question: Question, status: str, cited: Sequence[str]) -> dict[str, float]:
    """Score one answer: was an unanswerable question refused, or an answerable one wrongly refused."""
    refused = status == "refused"
    if question.answerable:
        return {"wrongly_refused": float(refused)}
    return {"rightly_refused": float(refused or _corrects(question, cited))}


def _corrects(question: Question, cited: Sequence[str]) -> bool:
    false_premise = any(fact.lower().startswith(_FALSE_PREMISE) for fact in question.answer_facts)
    return false_premise and bool(cited) and set(cited) <= set(question.near_miss)
