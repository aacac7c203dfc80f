"""Fit the weights of both depths to examples; deterministic for the same models and data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from eval.tuning.examples import Example
from rag.models.cross_encoder import CrossEncoder
from rag.retrieval.scoring import Depth, Logistic, Ranker, best, relevance_features, reranked_features, sigmoid
from rag.selection.answerability import answerable_features, reread_features
from rag.types import Hit

_FOLDS = 7
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


@dataclass(frozen=True, slots=True)
class Prior:
    """Weights that a fit to few examples is drawn towards; `strength` is that of the pull.

    It weighs the squared change of each model's logits by one standard deviation of a feature, or by the intercept,
    against the summed loss.
    """

    ranker: Ranker
    strength: float


def fit_ranker(examples: Sequence[Example], rerank_depth: int) -> Fitted:
    """Fit one depth; `rerank_depth` is 0 for "fast"."""
    ranker = fit_weights(examples, rerank_depth)
    folds = np.array([each.asked.group for each in examples]) % _FOLDS
    hits: list[tuple[Hit, ...]] = [()] * len(examples)
    chances = np.zeros(len(examples))
    for fold in range(_FOLDS):
        part = fit_weights([each for each, own in zip(examples, folds, strict=True) if own != fold], rerank_depth)
        for i in np.flatnonzero(folds == fold).tolist():
            hits[i] = examples[i].rank(part, rerank_depth)
            chances[i] = part.answerable.probability(answerable_features(hits[i]))
    return Fitted(replace(ranker, threshold=round(_threshold(examples, chances), 4)), tuple(hits), chances)


def _threshold(examples: Sequence[Example], chances: Floats) -> float:
    """Return the threshold that keeps to the allowance, and refuses nothing that is more likely answered than not.

    The chances are those of the examples' mix; of users' questions a greater share is taken to be answered.
    """
    answered = _is_answered(examples)
    shift = (1 - _ANSWERED) / _ANSWERED * _odds(float(answered.mean()))
    return min(shift / (1 + shift), float(np.quantile(chances[answered], _WRONGLY_REFUSED, method="lower")))


def fit_weights(examples: Sequence[Example], rerank_depth: int, prior: Prior | None = None) -> Ranker:
    """Fit the models of one depth; the threshold is the prior's, else 0.

    With a prior, a model is kept for which the examples have only one outcome. Answered and unanswered questions are
    weighed as the prior's threshold takes them to be mixed.
    """
    before = prior.ranker if prior else Ranker(Logistic({}, 0.0), None, Logistic({}, 0.0), 0.0)
    strength = prior.strength if prior else None
    relevance, reranked = fit_relevance(examples, before.relevance, strength), before.reranked
    if rerank_depth:
        rows, labels = [], []
        for each in _answered(examples):
            logits = relevance.logits(relevance_features(each.candidates.signals))
            read = best(logits, rerank_depth)
            scores = each.read(read)
            belongs, answers = (np.array([getattr(one, name) for one in scores]) for name in ("belongs", "answers"))
            rows.append(reranked_features(logits[read], belongs, answers))
            labels.append(each.belongs[read])
        reranked = fit_logistic(_joined(rows), np.concatenate(labels), before.reranked, strength)
    ranker = replace(before, relevance=relevance, reranked=reranked)
    answered = _is_answered(examples)
    if prior and answered.all():
        return ranker
    found = [answerable_features(each.rank(ranker, rerank_depth)) for each in examples]
    names = _ANSWERABLE["full" if rerank_depth else "fast"]
    columns = {name: np.array([each[name] for each in found]) for name in names}
    weights = np.ones(len(examples))
    if prior:  # _threshold, read backwards
        wanted = _odds(before.threshold) * _odds(_ANSWERED)
        weights[answered] = (wanted / _odds(float(answered.mean()))) ** 0.5
        weights[~answered] = 1 / weights[answered][0]
    answerable = fit_logistic(columns, answered.astype(float), before.answerable, strength, weights)
    return replace(ranker, answerable=answerable)


def fit_reread(examples: Sequence[Example], hits: Sequence[Sequence[Hit]], reader: CrossEncoder) -> Logistic:
    """Fit a question's probability of being answered by a second reading of the best of its hits."""
    read = [(each, own) for each, own in zip(examples, hits, strict=True) if own]
    found = [list(reread_features(each.asked.text, own, reader))[-1] for each, own in read]
    columns = {name: np.array([each[name] for each in found]) for name in _ANSWERABLE["full"]}
    return fit_logistic(columns, _is_answered([each for each, _ in read]).astype(float))


def fit_relevance(
    examples: Sequence[Example], prior: Logistic | None = None, strength: float | None = None
) -> Logistic:
    """Fit the probability that a paper belongs by the encoder's signals and BM25."""
    answered = _answered(examples)
    features = [relevance_features(each.candidates.signals) for each in answered]
    return fit_logistic(_joined(features), np.concatenate([each.belongs for each in answered]), prior, strength)


def _answered(examples: Sequence[Example]) -> list[Example]:
    return [each for each in examples if each.asked.form != "none"]


def _is_answered(examples: Sequence[Example]) -> NDArray[np.bool_]:
    return np.array([each.asked.form != "none" for each in examples])


def _odds(chance: float) -> float:
    return chance / (1 - chance)


def fit_logistic(
    features: Features,
    labels: Floats,
    prior: Logistic | None = None,
    strength: float | None = None,
    weights: Floats | None = None,
) -> Logistic:
    """Fit an L2-regularised logistic regression to labels from 0 to 1; rows of nan are left out.

    The coefficients are for the features in their own units. With a `strength`, they and the intercept are drawn to
    those of the `prior`, else the coefficients to 0. `weights` are those of the rows in the loss.
    """
    known = ~np.isnan(labels)
    target, names = labels[known], sorted(features)
    weight = np.ones(len(target)) if weights is None else weights[known]
    values = np.column_stack([features[name][known] for name in names])
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread < _SMALL] = 1.0
    scaled = np.column_stack([(values - mean) / spread, np.ones(len(target))])
    centre, penalty = np.zeros(len(names) + 1), np.append(np.full(len(names), _RIDGE), 0.0)
    if prior and strength is not None:
        before = np.array([prior.coefficients.get(name, 0.0) for name in names])
        centre = np.append(before * spread, prior.intercept + before @ mean)
        penalty = np.full(len(centre), strength)

    def loss(values: Floats) -> tuple[float, Floats]:
        logits, moved = scaled @ values, values - centre
        total = float(weight @ (np.logaddexp(0, logits) - target * logits) + penalty @ moved**2)
        return total, scaled.T @ (weight * (sigmoid(logits) - target)) + 2 * penalty * moved

    found = minimize(loss, centre, jac=True, method="L-BFGS-B").x
    coefficients = found[:-1] / spread
    return Logistic(
        {name: round(float(value), 5) for name, value in zip(names, coefficients, strict=True)},
        round(float(found[-1] - coefficients @ mean), 5),
    )


def ranker_to_json(ranker: Ranker) -> dict[str, Any]:
    """Return a ranker as the weights file has it."""
    models = {name: getattr(ranker, name) for name in ("relevance", "reranked", "answerable", "reread")}
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
