"""An ablation as JSON and as a table (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval.ablation.ablate import StepScore
from eval.tables import interval_cell, intervals_to_json, to_table

_HEADLINE = "ndcg@10"
_SHOWN = (_HEADLINE, "recall@10", "recall@20", "recall@50", "mrr")


def ablation_to_json(scores: Sequence[StepScore], generation: str, questions: int, left_out: int) -> dict[str, Any]:
    """Show each step's figures, and its paired gain over the step that it adds to."""
    steps = [
        {
            "step": score.step.name,
            "meaning": score.step.meaning,
            "adds_to": score.step.adds_to,
            "measures": intervals_to_json(score.measures),
            "gain": intervals_to_json(score.gains) or None,
        }
        for score in scores
    ]
    return {"generation": generation, "questions": questions, "left_out": left_out, "steps": steps}


def ablation_to_text(scores: Sequence[StepScore], questions: int, left_out: int) -> str:
    """Lay the steps out as a table; a gain is the mean paired difference in ndcg@10."""
    heading = ["step", "meaning", *_SHOWN, f"gain in {_HEADLINE}", "over"]
    rows = [
        [
            score.step.name,
            score.step.meaning,
            *(interval_cell(score.measures[name]) for name in _SHOWN),
            interval_cell(score.gains[_HEADLINE], signed=True) if score.gains else "",
            score.step.adds_to or "",
        ]
        for score in scores
    ]
    counts = f"n = {questions} questions ({left_out} without an answer or with a history left out)"
    return f"{counts}, 95 % bootstrap intervals\n\n{to_table(heading, rows, texts=2)}"
