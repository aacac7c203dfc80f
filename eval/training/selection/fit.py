"""Fit the weights of both depths to examples; deterministic for the same models and data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from eval.training.selection.search import Example
from rag.retrieval.scoring import Depth, Logistic, Ranker, best, relevance_features, reranked_features, sigmoid
from rag.selection.answerability import answerable_features
from rag.types import Hit

_FOLDS = 7
_ROUNDS = 2  # of fitting, and of reading what is then best
_WRONGLY_REFUSED = 0.03  # share of the answered questions that the threshold may refuse
_ANSWERED = 0.9  # share of users' questions that is taken to be answered
_RIDGE = 1.5  # weight of the L2 penalty relative to the summed loss
_SMALL = 1e-9
_ANSWERABLE: Mapping[Depth, tuple[str, ...]] = {"full": ("answers", "expected"), "fast": ("maxsim", "expected")}

Floats = NDArray[np.float64]
Features = Mapping[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A ranker, and for each example its hits and its probability of being answered, cross-validated by group."""

    ranker: Ranker
    hits: tuple[tuple[Hit, ...], ...]
    answerable: Floats


def impute(examples: Sequence[Example], rerank_depth: int, chance: Callable[[float], float]) -> list[Example]:
    """Return the examples with the chance of belonging as the label of papers that nobody judged.

    `chance` gives it from the cross-encoder's logit, which reads the best; the rest does not belong.
    """
    imputed = list(examples)
    for _ in range(_ROUNDS):
        relevance = _fit_relevance(imputed)
        for i, each in enumerate(examples):
            if each.asked.judged is None or each.asked.form == "none":
                continue
            labels = each.belongs.copy()
            read = best(relevance.logits(relevance_features(each.candidates.signals)), rerank_depth)
            for j, scores in zip(read, each.read(read), strict=True):
                if each.candidates.paper_ids[j] not in each.asked.judged:
                    labels[j] = chance(scores.belongs)
            imputed[i] = replace(each, belongs=labels)
    return imputed


def fit_ranker(examples: Sequence[Example], rerank_depth: int) -> Fitted:
    """Fit one depth; `rerank_depth` is 0 for "fast"."""
    ranker = _fit(examples, rerank_depth)
    folds = np.array([each.asked.group for each in examples]) % _FOLDS
    hits: list[tuple[Hit, ...]] = [()] * len(examples)
    chances = np.zeros(len(examples))
    for fold in range(_FOLDS):
        part = _fit([each for each, own in zip(examples, folds, strict=True) if own != fold], rerank_depth)
        for i in np.flatnonzero(folds == fold).tolist():
            hits[i] = examples[i].rank(part, rerank_depth)
            chances[i] = part.answerable.probability(answerable_features(hits[i]))
    return Fitted(replace(ranker, threshold=round(_threshold(examples, chances), 4)), tuple(hits), chances)


def _threshold(examples: Sequence[Example], chances: Floats) -> float:
    """Return the threshold that keeps to the allowance, and refuses nothing that is more likely answered than not.

    The chances are those of the examples' mix; of users' questions a greater share is taken to be answered.
    """
    answered = np.array([each.asked.form != "none" for each in examples])
    share = float(answered.mean())
    shift = (1 - _ANSWERED) / _ANSWERED * share / (1 - share)
    return min(shift / (1 + shift), float(np.quantile(chances[answered], _WRONGLY_REFUSED, method="lower")))


def _fit(examples: Sequence[Example], rerank_depth: int) -> Ranker:
    relevance, reranked = _fit_relevance(examples), None
    if rerank_depth:
        rows, labels = [], []
        for each in _answered(examples):
            logits = relevance.logits(relevance_features(each.candidates.signals))
            read = best(logits, rerank_depth)
            scores = each.read(read)
            belongs, answers = (np.array([getattr(one, name) for one in scores]) for name in ("belongs", "answers"))
            rows.append(reranked_features(logits[read], belongs, answers))
            labels.append(each.belongs[read])
        reranked = fit_logistic(_joined(rows), np.concatenate(labels))
    ranker = Ranker(relevance, reranked, Logistic({}, 0.0), 0.0)
    found = [answerable_features(each.rank(ranker, rerank_depth)) for each in examples]
    names = _ANSWERABLE["full" if rerank_depth else "fast"]
    columns = {name: np.array([each[name] for each in found]) for name in names}
    return replace(
        ranker, answerable=fit_logistic(columns, np.array([float(each.asked.form != "none") for each in examples]))
    )


def _fit_relevance(examples: Sequence[Example]) -> Logistic:
    answered = _answered(examples)
    features = [relevance_features(each.candidates.signals) for each in answered]
    return fit_logistic(_joined(features), np.concatenate([each.belongs for each in answered]))


def _answered(examples: Sequence[Example]) -> list[Example]:
    return [each for each in examples if each.asked.form != "none"]


def fit_logistic(features: Features, labels: Floats) -> Logistic:
    """Fit an L2-regularised logistic regression to labels from 0 to 1; rows of nan are left out.

    The coefficients are for the features in their own units.
    """
    known = ~np.isnan(labels)
    target, names = labels[known], sorted(features)
    values = np.column_stack([features[name][known] for name in names])
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread < _SMALL] = 1.0
    scaled = np.column_stack([(values - mean) / spread, np.ones(len(target))])
    penalty = np.append(np.full(len(names), _RIDGE), 0.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = scaled @ weights
        total = float(np.logaddexp(0, logits).sum() - target @ logits + penalty @ weights**2)
        return total, scaled.T @ (sigmoid(logits) - target) + 2 * penalty * weights

    found = minimize(loss, np.zeros(len(penalty)), jac=True, method="L-BFGS-B").x
    coefficients = found[:-1] / spread
    return Logistic(
        {name: round(float(value), 5) for name, value in zip(names, coefficients, strict=True)},
        round(float(found[-1] - coefficients @ mean), 5),
    )


def ranker_to_json(ranker: Ranker) -> dict[str, Any]:
    """Return a ranker as the weights file has it."""
    models = {"relevance": ranker.relevance, "reranked": ranker.reranked, "answerable": ranker.answerable}
    return {
        **{
            name: {"coefficients": dict(model.coefficients), "intercept": model.intercept}
            for name, model in models.items()
            if model
        },
        "threshold": ranker.threshold,
    }


def _joined(features: Iterable[Features]) -> Features:
    parts = list(features)
    return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}
