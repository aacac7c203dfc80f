"""`citedesk eval ablate`: what each part of the ranking contributes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.tables import interval_cell, intervals_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_embed_model, add_json
from rag.cli.output import print_result
from rag.errors import UsageError

if TYPE_CHECKING:
    from eval.ablation.steps import StepScore
    from rag.settings import Configuration

_HEADLINE = "ndcg@10"
_SHOWN = (_HEADLINE, "recall@10", "recall@20", "recall@50", "mrr")


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "ablate",
        "Show what each part of the ranking contributes.",
        "  citedesk eval ablate --gold eval/gold/dev.jsonl",
    )
    add_json(parser)
    parser.add_argument("--gold", type=Path, nargs="+", required=True, metavar="FILE", help="files of gold questions")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where rankings are cached (HOME/ablate)")
    parser.add_argument("--fresh", action="store_true", help="rank again instead of reading the cache")
    add_embed_model(parser)
    parser.set_defaults(run="eval.ablation.ablate:ablate")


def ablate(arguments: Namespace, configuration: Configuration) -> int:
    """Score the ablation's steps on gold questions."""
    from eval.ablation.signals import Parts
    from eval.ablation.steps import measurable, run_ablation
    from eval.gold.questions import load_gold
    from rag.engine import Engine
    from rag.index.library import open_library
    from rag.models.loading import load_models

    settings = configuration.settings
    if not settings.rerank_depth:
        raise UsageError("CITEDESK_RERANK_DEPTH is 0: there is no cross-encoder to measure. Remove the setting.")
    library = open_library(settings)
    gold = load_gold(arguments.gold, library.papers)
    questions = measurable(gold)
    if not questions:
        raise UsageError("No gold question has a paper that must be found. Name a file with answerable questions.")
    models = load_models(settings)
    fast = Engine(replace(settings, rerank_depth=0), library, models)
    parts = Parts(settings, library, models, fast, Engine(settings, library, models))
    scores = run_ablation(parts, questions, arguments.cache or settings.home / "ablate", fresh=arguments.fresh)
    left_out = len(gold) - len(questions)
    print_result(
        arguments,
        lambda: ablation_to_json(scores, library.manifest.generation, len(questions), left_out),
        lambda: ablation_to_text(scores, len(questions), left_out),
    )
    return 0


def ablation_to_json(scores: Sequence[StepScore], generation: str, questions: int, left_out: int) -> dict[str, Any]:
    """Return each step's measures, and its paired gain over the step that it extends."""
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
    """Return the steps as a table; a gain is the mean paired difference in ndcg@10."""
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
