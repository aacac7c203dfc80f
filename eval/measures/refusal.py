"""Measures of refusal: Rajpurkar et al., Know what you don't know (SQuAD 2.0), ACL 2018, as two rates.

Where the gold says that a question's premise is false, an answer that cites its near misses, and nothing else, and
says what is true instead, has corrected the premise and is right. Elsewhere only a refusal is: a quote of a near miss
does not answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.measures.facts import holds, read
from eval.questions import Question

_FALSE_PREMISE = "premise is false"


def refusal_scores(question: Question, status: str, answer: str, cited: Sequence[str]) -> dict[str, float]:
    """Score one answer: was an unanswerable question refused, or an answerable one wrongly refused."""
    refused = status == "refused"
    if question.answerable:
        return {"wrongly_refused": float(refused)}
    return {"rightly_refused": float(refused or _corrects(question, answer, cited))}


def _corrects(question: Question, answer: str, cited: Sequence[str]) -> bool:
    """Tell whether an answer cites near misses alone and says what the gold says is true instead."""
    truths = [fact.partition(":")[2] for fact in question.answer_facts if fact.lower().startswith(_FALSE_PREMISE)]
    said = read(answer)
    return bool(cited) and set(cited) <= set(question.near_miss) and any(holds(said, truth) for truth in truths)
