"""Scores of candidate papers: signals → weighted sum → cross-encoder → calibrated probability.

The weights are those that `python -m eval.training.ranker` learnt from questions (models/weights/ranker.json).
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

from rag.index.library import Library
from rag.models.cross_encoder import CrossEncoder
from rag.models.encoder import document_text
from rag.models.onnx import Array
from rag.retrieval.candidates import Candidates
from rag.retrieval.encoded_query import EncodedQuery
from rag.types import Hit, Query, Signal

WEIGHTS = Path(__file__).parents[1] / "models" / "weights" / "ranker.json"

Depth = Literal["full", "fast"]
Values = NDArray[np.float64]
NAMED = 0.99  # probability of a paper that the question names


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression over named features: σ(intercept + Σ coefficient · feature)."""

    coefficients: Mapping[str, float]
    intercept: float

    def probability(self, features: Mapping[str, float]) -> float:
        """Return a probability in (0, 1); a missing feature counts as 0."""
        logit = self.intercept + sum(weight * features.get(name, 0.0) for name, weight in self.coefficients.items())
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


@dataclass(frozen=True, slots=True)
class Ranker:
    """The fitted weights of one depth.

    `signals` weigh the standard scores of the signals, `relevance` calibrates a paper's probability of belonging, and
    `answerable` ("list" for lists, "other" for all other kinds) a question's probability of being answered: below
    `threshold` it is refused.
    """

    signals: Mapping[Signal, float]
    relevance: Logistic
    answerable: Mapping[str, Logistic]
    threshold: float


def load_ranker(depth: Depth, path: Path = WEIGHTS) -> Ranker:
    """Load the weights of "full" ranking, or of "fast" ranking without the cross-encoder."""
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


class PaperScorer:
    """Ranks the candidates of one library.

    Without a cross-encoder, or with `depth` 0, the fused signals decide alone.
    """

    def __init__(
        self, library: Library, cross_encoder: CrossEncoder | None, depth: int, ranker: Ranker | None = None
    ) -> None:
        """`depth` is how many of the best papers the cross-encoder reads; `ranker` overrides the fitted weights."""
        self._library = library
        self._depth = depth
        self.cross_encoder = cross_encoder if depth else None
        self.ranker = ranker or load_ranker("full" if self.cross_encoder else "fast")

    def rank(self, query: Query, encoded: EncodedQuery, candidates: Candidates) -> tuple[Hit, ...]:
        """Rank candidates by the weighted sum of their signals, best first; ties go to the smaller paper_id.

        Of a question about certain papers those come first, for the cross-encoder to read them. Probabilities are not
        set yet: see `calibrate`.
        """
        ids, signals = candidates.paper_ids, candidates.signals
        if not ids:
            return ()
        strength = strengths(signals, self.ranker.signals)
        order = _order(ids, strength, first=query.papers)
        if self.cross_encoder:
            signals = {**signals, **self._rerank(encoded, ids, order)}
            strength = strengths(signals, self.ranker.signals)
            order = _order(ids, strength)
        return tuple(
            Hit(
                rank,
                self._library.papers[ids[i]],
                0.0,
                float(strength[i]),
                {signal: float(values[i]) for signal, values in signals.items()},
            )
            for rank, i in enumerate(order, start=1)
        )

    def calibrate(self, query: Query, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Keep the papers that the query admits, and set each one's probability of belonging as its score.

        Papers outside the query take part until here, because the strength of a paper is relative to all candidates.
        """
        kept = [hit for hit in hits if query.admits(hit.paper)] if query.papers else hits
        probabilities = [self.ranker.relevance.probability(each) for each in relevance_features(kept, query)]
        return tuple(
            replace(hit, rank=rank, score=score)
            for rank, (hit, score) in enumerate(zip(kept, probabilities, strict=True), start=1)
        )

    def _rerank(self, encoded: EncodedQuery, ids: Sequence[str], order: Sequence[int]) -> dict[Signal, Values]:
        """Return the cross-encoder's logits, each (n,); papers below its depth get the lowest."""
        assert self.cross_encoder
        read = list(order[: self._depth])
        papers = [self._library.papers[ids[i]] for i in read]
        scores = self.cross_encoder.score(encoded.text, [document_text(each.title, each.abstract) for each in papers])
        found: dict[Signal, Values] = {}
        logits: dict[Signal, Array] = {"belongs": scores.belongs, "answers": scores.answers}
        for signal, each in logits.items():
            values = np.full(len(ids), float(each.min()))
            values[read] = each
            found[signal] = values
        return found


def _order(ids: Sequence[str], strength: Values, first: Sequence[str] = ()) -> list[int]:
    return sorted(range(len(ids)), key=lambda i: (ids[i] not in first, -strength[i], ids[i]))


def relevance_features(hits: Sequence[Hit], query: Query) -> list[dict[str, float]]:
    """Return the features of each paper's probability: its strength, its distance from the best, and the best's own."""
    if not hits:
        return []
    best = hits[0]
    shared = {
        "best_maxsim": best.signals.get("maxsim", 0.0),
        "best_belongs": best.signals.get("belongs", 0.0),
        "list": float(query.kind == "list"),
    }
    return [{"strength": hit.strength, "behind": best.strength - hit.strength, **shared} for hit in hits]


def strengths(signals: Mapping[Signal, Values], weights: Mapping[Signal, float]) -> Values:
    """Return the weighted sum (n,) of the signals' standard scores; signals without a weight are left out.

    This is CombSUM (Shaw and Fox, TREC-2, 1994) with z-normalization, which makes units comparable.
    """
    parts = [weights[name] * standardize(values) for name, values in signals.items() if weights.get(name)]
    return np.sum(parts, axis=0) if parts else np.zeros(len(next(iter(signals.values()), ())))


def standardize(values: NDArray[np.floating[Any]]) -> Values:
    """Shift and scale to mean 0 and standard deviation 1; constant values become 0."""
    exact = np.asarray(values, np.float64)
    spread = float(exact.std()) if len(exact) else 0.0
    return np.zeros(len(exact)) if spread < 1e-9 else (exact - exact.mean()) / spread


def best_cut(probabilities: Sequence[float]) -> int:
    """Return how many of the papers, most probable first, give the greatest expected F1; at least 1.

    Expected F1 is approximated by 2·Σ_kept p / (kept + Σ p) (Lewis, SIGIR 1995).
    """
    if not probabilities:
        return 0
    gained = np.cumsum(probabilities)
    expected = 2 * gained / (np.arange(1, len(gained) + 1) + gained[-1])
    return int(np.argmax(expected)) + 1


def missed_range(left: Sequence[float]) -> tuple[int, int]:
    """Estimate how many of the papers left out belong: mean of their number ± one standard deviation."""
    mean, variance = sum(left), sum(p * (1 - p) for p in left)
    spread = float(np.sqrt(variance))
    return max(0, round(mean - spread)), round(mean + spread)
