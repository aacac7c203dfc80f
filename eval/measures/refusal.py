"""Measures of refusal: Rajpurkar et al., Know what you don't know (SQuAD 2.0), ACL 2018, as two rates.

Where a gold question's premise is false, an answer that cites its near misses only and says what is true instead is
right too. Elsewhere only a refusal is: a quote of a near miss does not answer the question.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.gold.questions import Question
from eval.measures.facts import holds, read

_FALSE_PREMISE = "premise is false"


def refusal_scores(question: Question, status: str, answer: str, cited: Sequence[str]) -> dict[str, float]:
    """Return whether an unanswerable question was refused or corrected, or an answerable one was refused."""
    refused = status == "refused"
    if question.answerable:
        return {"wrongly_refused": float(refused)}
    return {"rightly_refused": float(refused or _corrects(question, answer, cited))}


def _corrects(question: Question, answer: str, cited: Sequence[str]) -> bool:
    """Return whether an answer cites near misses only, and says what is true according to the gold."""
    truths = [fact.partition(":")[2] for fact in question.answer_facts if fact.lower().startswith(_FALSE_PREMISE)]
    text = read(answer)
    return bool(cited) and set(cited) <= set(question.near_miss) and any(holds(text, truth) for truth in truths)
