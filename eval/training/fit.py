"""Fit the ranker on questions: `citedesk eval fit`. The same questions, index and weights to start from give the same.

Which papers the cross-encoder reads, and which is the best one, is decided by the weights in use: fit twice to settle.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eval.questions import Question
from eval.training.collect import Example, collect, ranked
from eval.training.models import fit_logistic, fit_relevance, fit_signals
from rag.engine import Engine
from rag.errors import UsageError
from rag.retrieval.scoring import Depth, Logistic, strengths
from rag.selection.answerability import FEATURE_SIGNS, answerable_group
from rag.types import Signal

_SIGNALS: Mapping[Depth, tuple[Signal, ...]] = {
    "full": ("dense", "lexical", "late", "late_rare", "rerank"),
    "fast": ("dense", "lexical", "late", "late_rare"),
}
_FOLDS = 10
_WRONGLY_REFUSED = 0.05  # share of answerable training questions that the threshold gives up, held out
GROUPS = ("list", "other")


def fit_depth(depth: Depth, engine: Engine, questions: Sequence[Question], seed: int = 0) -> dict[str, Any]:
    """Fit the models of one depth with an engine of that depth."""
    if engine.library.maxsim is None:
        raise UsageError("The index has no token vectors to fit on. Set CITEDESK_LATE_MODEL and run `citedesk index`.")
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


def _check(examples: Sequence[Example]) -> None:
    """Raise UsageError where a group of questions has not both kinds to tell apart."""
    for group in GROUPS:
        answerable = [example.answerable for example in examples if answerable_group(example.query) == group]
        if not 0 < sum(answerable) < len(answerable):
            raise UsageError(
                f"Of the group {group!r} {sum(answerable)} questions are answerable and "
                f"{len(answerable) - sum(answerable)} are not: fitting needs both. Name more gold files."
            )


def _with_strengths(example: Example, weights: Mapping[Signal, float]) -> Example:
    """Rank an example's papers anew by fitted weights."""
    values = strengths({name: example.signal(name) for name in weights}, weights)
    order = np.argsort(-values, kind="stable")
    hits = tuple(replace(example.hits[i], rank=rank, strength=float(values[i])) for rank, i in enumerate(order, 1))
    ahead = hits[0].strength - hits[1].strength if len(hits) > 1 else 0.0
    return replace(example, hits=hits, grades=example.grades[order], features={**example.features, "ahead": ahead})


def _answerable(examples: Sequence[Example], seed: int) -> tuple[list[float], dict[str, Any]]:
    """Fit a model for each group, and give every example's probability from models that did not see it."""
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


def _fit_answerable(examples: Sequence[Example]) -> dict[str, Any]:
    rows, labels = [example.features for example in examples], [example.answerable for example in examples]
    return fit_logistic(rows, labels, {name: FEATURE_SIGNS.get(name, 1) for name in rows[0]})


def _threshold(examples: Sequence[Example], held_out: Sequence[float]) -> float:
    """Choose the probability below which a question is refused: the given share of answerable ones lies below it."""
    kept = sorted(probability for probability, each in zip(held_out, examples, strict=True) if each.answerable)
    return round(kept[int(_WRONGLY_REFUSED * len(kept))], 4)
