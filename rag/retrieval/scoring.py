"""The trained part of the search: how signals become a strength, a probability, and a decision to answer (pure).

`weights/ranker.json` holds what `python -m eval.training.ranker` learnt from questions; nothing here knows one of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rag.types import Hit, Query, Signal

WEIGHTS = Path(__file__).parents[1] / "models" / "weights" / "ranker.json"

Depth = Literal["full", "fast"]
Values = NDArray[np.float64]
CERTAIN = 0.99  # the probability of a paper that the question names


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression over named features: σ(intercept + Σ coefficient · feature)."""

    coefficients: Mapping[str, float]
    intercept: float

    def probability(self, features: Mapping[str, float]) -> float:
        """Give a probability in (0, 1); a feature that is not there counts as 0."""
        logit = self.intercept + sum(weight * features.get(name, 0.0) for name, weight in self.coefficients.items())
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


@dataclass(frozen=True, slots=True)
class Ranker:
    """The weights of one depth: of the signals, of a paper's probability, and of a question's being answered.

    `answerable` has one entry for lists, "list", and one for all other kinds, "other"; below `threshold` is refused.
    """

    signals: Mapping[Signal, float]
    relevance: Logistic
    answerable: Mapping[str, Logistic]
    threshold: float


def load_ranker(depth: Depth, path: Path = WEIGHTS) -> Ranker:
    """Read the weights: "full" knows all signals, "fast" does without the cross-encoder."""
    return _read(path)[depth]


@cache
def _read(path: Path) -> dict[str, Ranker]:
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {
        depth: Ranker(
            signals=each["signals"],
            relevance=Logistic(**each["relevance"]),
            answerable={group: Logistic(**model) for group, model in each["answerable"].items()},
            threshold=each["threshold"],
        )
        for depth, each in kept["depths"].items()
    }


def strengths(signals: Mapping[Signal, Values], weights: Mapping[Signal, float]) -> Values:
    """Join what signals gave the same papers: the weighted sum of their standard scores; a missing signal is left out.

    Standard scores, as in CombSUM with z-normalisation (Shaw and Fox, TREC-2, 1994), make units comparable.
    """
    parts = [weights[name] * standardise(values) for name, values in signals.items() if weights.get(name)]
    return np.sum(parts, axis=0) if parts else np.zeros(len(next(iter(signals.values()), ())))


def standardise(values: NDArray[np.floating[Any]]) -> Values:
    """Shift and scale to mean 0 and deviation 1; values that are all the same become 0."""
    exact = np.asarray(values, np.float64)
    spread = float(exact.std()) if len(exact) else 0.0
    return np.zeros(len(exact)) if spread < 1e-9 else (exact - exact.mean()) / spread


def best_cut(probabilities: Sequence[float]) -> int:
    """Choose how many of the papers, most probable first, to keep: the number of the greatest expected F1; at least 1.

    With p the probabilities, 2·Σ_kept p / (kept + Σ p), the approximation of Lewis, SIGIR 1995.
    """
    if not probabilities:
        return 0
    gained = np.cumsum(probabilities)
    expected = 2 * gained / (np.arange(1, len(gained) + 1) + gained[-1])
    return int(np.argmax(expected)) + 1


def missed_range(left: Sequence[float]) -> tuple[int, int]:
    """Estimate how many papers that were left out belong: the mean of their number, one deviation to either side."""
    mean, variance = sum(left), sum(p * (1 - p) for p in left)
    spread = float(np.sqrt(variance))
    return max(0, round(mean - spread)), round(mean + spread)


def relevance_features(hits: Sequence[Hit], query: Query) -> list[dict[str, float]]:
    """Measure each paper for its probability: how strong it is, how far behind the best, and how near the best is."""
    if not hits:
        return []
    best = hits[0]
    shared = {
        "best_late_rare": best.signals.get("late_rare", 0.0),
        "best_rerank": best.signals.get("rerank", 0.0),
        "list": float(query.kind == "list"),
    }
    return [{"strength": hit.strength, "behind": best.strength - hit.strength, **shared} for hit in hits]


def with_probabilities(hits: Sequence[Hit], query: Query, relevance: Logistic) -> tuple[Hit, ...]:
    """Give each paper the probability that it belongs to the answer as its score."""
    measured = relevance_features(hits, query)
    return tuple(
        replace(hit, score=relevance.probability(features)) for hit, features in zip(hits, measured, strict=True)
    )


def nearest_first(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Give hits in the order of their strength, whatever order was asked for."""
    return tuple(sorted(hits, key=lambda hit: -hit.strength))
