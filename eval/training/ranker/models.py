"""The fitted models: weights of the signals, and logistic regressions of relevance and answerability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from eval.gold.questions import MAY, MUST
from eval.training.ranker.examples import RankingExample
from rag.retrieval.scoring import relevance_features, standardize
from rag.types import Signal

_GAINS = {MUST: 1.0, MAY: 0.3}
_L2 = 0.02
_DEEP = 100  # papers per ranking in the fit, as many as the search selects from
_RIDGE = 1.5  # weight of the L2 penalty relative to the summed loss
_SMALL = 1e-9
_RELEVANCE_SIGNS = {"strength": 1, "behind": -1, "best_maxsim_idf": 1, "best_rerank": 1}
_BOUNDS: Mapping[int, tuple[float | None, float | None]] = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}

Matrix = NDArray[np.float64]


def fit_signals(examples: Sequence[RankingExample], names: Sequence[Signal]) -> dict[Signal, float]:
    """Fit non-negative weights that rank relevant papers first, with the loss of ListNet (Cao et al., ICML 2007)."""
    lists = [(_standard(example, names), _target(example)) for example in examples]

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        total, gradient = _L2 * float(weights @ weights), 2 * _L2 * weights
        for signals, target in lists:
            logits = signals @ weights
            chances = np.exp(logits - logits.max())
            chances /= chances.sum()
            total -= float(target @ np.log(chances + 1e-12)) / len(lists)
            gradient = gradient + signals.T @ (chances - target) / len(lists)
        return total, gradient

    start = np.full(len(names), 0.5)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(names)).x
    return {name: round(float(weight), 4) for name, weight in zip(names, found, strict=True)}


def fit_relevance(examples: Sequence[RankingExample]) -> dict[str, Any]:
    """Fit the probability that a paper is relevant: logistic regression of grade 2 against 0; grade 1 is left out."""
    rows: list[Mapping[str, float]] = []
    labels: list[bool] = []
    for example in examples:
        measured = relevance_features(example.hits[:_DEEP], example.query)
        for features, grade in zip(measured, example.grades, strict=False):
            if grade != MAY:
                rows.append(features)
                labels.append(bool(grade == MUST))
    return fit_logistic(rows, labels, _RELEVANCE_SIGNS)


def fit_logistic(
    rows: Sequence[Mapping[str, float]], labels: Sequence[bool], signs: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Fit an L2-regularised logistic regression; the coefficients are for the features in their original units.

    The coefficient of a feature in `signs` cannot have the opposite sign, so that a chance correlation, such as with
    the length of the questions, does not reverse the meaning of a feature.
    """
    names = sorted(rows[0])
    values = np.array([[row[name] for name in names] for row in rows])
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread < _SMALL] = 1.0
    scaled, target = np.column_stack([(values - mean) / spread, np.ones(len(rows))]), np.array(labels, np.float64)
    penalty = np.append(np.full(len(names), _RIDGE), 0.0)

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        logits = scaled @ weights
        total = float(np.logaddexp(0, logits).sum() - target @ logits + penalty @ weights**2)
        return total, scaled.T @ (expit(logits) - target) + 2 * penalty * weights

    bounds = [_BOUNDS[(signs or {}).get(name, 0)] for name in names]
    found = minimize(loss, np.zeros(len(penalty)), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]).x
    coefficients = found[:-1] / spread
    return {
        "coefficients": {name: round(float(value), 5) for name, value in zip(names, coefficients, strict=True)},
        "intercept": round(float(found[-1] - coefficients @ mean), 5),
    }


def _standard(example: RankingExample, names: Sequence[Signal]) -> Matrix:
    return np.stack([standardize(example.signal(name)) for name in names], axis=-1)


def _target(example: RankingExample) -> Matrix:
    gains = np.array([_GAINS.get(int(grade), 0.0) for grade in example.grades])
    return np.asarray(gains / gains.sum())
