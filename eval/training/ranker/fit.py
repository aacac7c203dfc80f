"""Fit the ranker on gold questions; deterministic for the same questions, index and current weights.

The current weights determine which papers the cross-encoder scores and which one is best: fit twice to converge.
"""

from __future__ import annotations

import hashlib
import json
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.gold.questions import Question
from eval.runs.run import load_questions
from eval.training.ranker.examples import RankingExample, collect, ranked
from eval.training.ranker.models import fit_logistic, fit_relevance, fit_signals
from rag.cli.options import CommandParser, add_common, add_json
from rag.cli.output import note, print_result
from rag.corpus.files import write_atomic
from rag.engine import Engine, build
from rag.errors import UsageError
from rag.index.generations import IndexFolder
from rag.retrieval.scoring import Depth, Logistic, strengths
from rag.selection.answerability import FEATURE_SIGNS, answerable_group
from rag.settings import Configuration
from rag.types import Signal

_SIGNALS: Mapping[Depth, tuple[Signal, ...]] = {
    "full": ("dense", "lexical", "maxsim", "belongs"),
    "fast": ("dense", "lexical", "maxsim"),
}
_FOLDS = 10
_WRONGLY_REFUSED = 0.05  # share of answerable held-out questions that the threshold refuses
GROUPS = ("list", "other")


def make_parser() -> ArgumentParser:
    """Build the parser of `python -m eval.training.ranker`."""
    parser = CommandParser(
        prog="python -m eval.training.ranker",
        description="Fit the ranker's weights, probabilities and refusal threshold on gold questions, and write them.",
        epilog="examples:\n"
        "  python -m eval.training.ranker --gold eval/gold/tuning.jsonl --out rag/models/weights/ranker.json",
    )
    add_common(parser)
    add_json(parser)
    parser.add_argument("--gold", type=Path, nargs="+", required=True, metavar="FILE", help="files of gold questions")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file for the weights")
    parser.set_defaults(run="eval.training.ranker.fit:fit")
    return parser


def fit(arguments: Namespace, configuration: Configuration) -> int:
    """Fit the models of both depths, and write them."""
    settings = configuration.settings
    if not settings.rerank_depth:
        raise UsageError("CITEDESK_RERANK_DEPTH is 0: there is no cross-encoder to fit. Remove the setting.")
    questions = load_questions(arguments.gold, IndexFolder(settings.home).current())
    gold = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in arguments.gold}
    depths: dict[Depth, dict[str, Any]] = {}
    rerank_depths: dict[Depth, int] = {"fast": 0, "full": settings.rerank_depth}
    for depth, rerank_depth in rerank_depths.items():
        note(f"fitting {depth}: {len(questions)} questions")
        engine = build(replace(settings, rerank_depth=rerank_depth))
        depths[depth] = fit_depth(depth, engine, questions)
    weights = {"gold": gold, "papers": len(engine.library.papers), "depths": depths}
    write_atomic(arguments.out, json.dumps(weights, indent=1, sort_keys=True) + "\n")
    print_result(arguments, lambda: weights, lambda: f"wrote {arguments.out}\n")
    return 0


def fit_depth(depth: Depth, engine: Engine, questions: Sequence[Question], seed: int = 0) -> dict[str, Any]:
    """Fit the models of one depth with an engine of that depth."""
    examples = collect(engine, questions)
    _check(examples)
    signals = fit_signals(ranked(examples), _SIGNALS[depth])
    examples = [_with_strengths(example, signals) for example in examples]
    held_out, answerable = _answerable(examples, seed)
    return {
        "signals": signals,
        "relevance": fit_relevance(ranked(examples)),
        "answerable": answerable,
        "threshold": _threshold(examples, held_out),
        "questions": len(examples),
    }


def _check(examples: Sequence[RankingExample]) -> None:
    """Raise UsageError if a group of questions lacks answerable or unanswerable ones."""
    for group in GROUPS:
        answerable = [example.answerable for example in examples if answerable_group(example.query) == group]
        if not 0 < sum(answerable) < len(answerable):
            raise UsageError(
                f"Of the group {group!r} {sum(answerable)} questions are answerable and "
                f"{len(answerable) - sum(answerable)} are not: fitting needs both. Name more gold files."
            )


def _with_strengths(example: RankingExample, weights: Mapping[Signal, float]) -> RankingExample:
    """Rerank an example's papers by fitted weights."""
    values = strengths({name: example.signal(name) for name in weights}, weights)
    order = np.argsort(-values, kind="stable")
    hits = tuple(replace(example.hits[i], rank=rank, strength=float(values[i])) for rank, i in enumerate(order, 1))
    ahead = hits[0].strength - hits[1].strength if len(hits) > 1 else 0.0
    return replace(example, hits=hits, grades=example.grades[order], features={**example.features, "ahead": ahead})


def _answerable(examples: Sequence[RankingExample], seed: int) -> tuple[list[float], dict[str, Any]]:
    """Fit a model for each group; returns every example's cross-validated probability, and the models."""
    held_out = [0.0] * len(examples)
    models = {}
    for group in GROUPS:
        members = [i for i, example in enumerate(examples) if answerable_group(example.query) == group]
        models[group] = _fit_answerable([examples[i] for i in members])
        random.Random(seed).shuffle(members)
        for fold in range(_FOLDS):
            tested = members[fold::_FOLDS]
            model = Logistic(**_fit_answerable([examples[i] for i in members if i not in tested]))
            for i in tested:
                held_out[i] = model.probability(examples[i].features)
    return held_out, models


def _fit_answerable(examples: Sequence[RankingExample]) -> dict[str, Any]:
    rows, labels = [example.features for example in examples], [example.answerable for example in examples]
    return fit_logistic(rows, labels, {name: FEATURE_SIGNS.get(name, 1) for name in rows[0]})


def _threshold(examples: Sequence[RankingExample], held_out: Sequence[float]) -> float:
    """Return the refusal threshold, below which the share `_WRONGLY_REFUSED` of answerable questions is."""
    kept = sorted(probability for probability, each in zip(held_out, examples, strict=True) if each.answerable)
    return round(kept[int(_WRONGLY_REFUSED * len(kept))], 4)
