"""Fit the weights of both depths to examples; deterministic for the same models and data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from eval.training.selection.search import Example, Search
from rag.retrieval.scoring import Depth, Logistic, Ranker, relevance_features, reranked_features, sigmoid, undecided
from rag.selection.answerability import answerable_features
from rag.types import Hit

_FOLDS = 7
_ROUNDS = 2  # of reading what is undecided, and leaving out what was not judged and seems to belong
_WRONGLY_REFUSED = 0.03  # share of answered questions that the threshold may refuse
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


def fit_ranker(
    search: Search, examples: Sequence[Example], rerank_depth: int, likely: Callable[[float], bool]
) -> Fitted:
    """Fit one depth; `rerank_depth` is 0 for "fast".

    `likely` says of a cross-encoder's logit whether a paper that was not judged seems to belong: it is then left out.
    """
    ranker = _fit(search, examples, rerank_depth, likely)
    folds = np.array([each.asked.group for each in examples]) % _FOLDS
    hits: list[tuple[Hit, ...]] = [()] * len(examples)
    chances = np.zeros(len(examples))
    for fold in range(_FOLDS):
        kept = [each for each, own in zip(examples, folds, strict=True) if own != fold]
        part = _fit(search, kept, rerank_depth, likely)
        for i in np.flatnonzero(folds == fold):
            hits[i] = search.rank(examples[i], part, rerank_depth)
            chances[i] = part.answerable.probability(answerable_features(hits[i]))
    answered = np.array([each.asked.form != "none" for each in examples])
    threshold = float(np.quantile(chances[answered], _WRONGLY_REFUSED, method="lower"))
    return Fitted(replace(ranker, threshold=round(threshold, 4)), tuple(hits), chances)


def _fit(search: Search, examples: Sequence[Example], rerank_depth: int, likely: Callable[[float], bool]) -> Ranker:
    depth: Depth = "full" if rerank_depth else "fast"
    answered = [each for each in examples if each.asked.form != "none"]
    labels = [each.belongs for each in answered]
    features = [relevance_features(each.candidates.signals) for each in answered]
    relevance, reranked = fit_logistic(_joined(features), np.concatenate(labels)), None
    for _ in range(_ROUNDS if rerank_depth else 0):
        for i, each in enumerate(answered):
            labels[i] = _doubted(search, each, relevance.logits(features[i]), rerank_depth, likely)
        relevance = fit_logistic(_joined(features), np.concatenate(labels))
    if rerank_depth:
        rows, wanted = [], []
        for each, own, label in zip(answered, features, labels, strict=True):
            logits = relevance.logits(own)
            read = undecided(logits, rerank_depth)
            scores = search.read(each, read)
            belongs, answers = (np.array([getattr(one, name) for one in scores]) for name in ("belongs", "answers"))
            rows.append(reranked_features(logits[read], belongs, answers))
            wanted.append(label[read])
        reranked = fit_logistic(_joined(rows), np.concatenate(wanted))
    ranker = Ranker(relevance, reranked, Logistic({}, 0.0), 0.0)
    found = [answerable_features(search.rank(each, ranker, rerank_depth)) for each in examples]
    columns = {name: np.array([each[name] for each in found]) for name in _ANSWERABLE[depth]}
    return replace(
        ranker, answerable=fit_logistic(columns, np.array([float(each.asked.form != "none") for each in examples]))
    )


def _doubted(
    search: Search, example: Example, logits: Floats, rerank_depth: int, likely: Callable[[float], bool]
) -> Floats:
    """Return an example's labels, with nan for a paper that was not judged, was read, and seems to belong."""
    labels = example.belongs.copy()
    read = undecided(logits, rerank_depth)
    for i, scores in zip(read, search.read(example, read), strict=True):
        judged = example.asked.judged is None or example.candidates.paper_ids[i] in example.asked.judged
        if not judged and likely(scores.belongs):
            labels[i] = np.nan
    return labels


def fit_logistic(features: Features, labels: Floats) -> Logistic:
    """Fit an L2-regularised logistic regression to labels 1 and 0; rows of nan are left out.

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
