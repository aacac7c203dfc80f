"""Scores of candidate papers: the encoder's signals → probability → the cross-encoder for the best of them.

The weights are those that `python -m eval.training.selection` fitted to questions that neither model has learnt from
(models/weights/selection.json), or those that `citedesk tune` has fitted to a library and kept in its home folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rag.index.library import Library
from rag.models.cross_encoder import RERANKER, CrossEncoder
from rag.models.encoder import FOLDER as ENCODER
from rag.models.onnx import read_metadata
from rag.retrieval.abbreviations import OtherWords
from rag.retrieval.candidates import Candidates, Signals
from rag.retrieval.encoded_query import EncodedQuery
from rag.retrieval.reranking import Reranker
from rag.settings import Settings, read_tuning
from rag.types import Hit, Query

WEIGHTS = Path(__file__).parents[1] / "models" / "weights" / "selection.json"

Depth = Literal["full", "fast"]
Values = NDArray[np.float64]
Features = Mapping[str, Values]
_EVEN = 1e-9  # expected F1 that differs by less is the same
NAMED = 0.99  # probability of a paper that the question names
ALWAYS_READ = 3  # best papers that the cross-encoder reads in any case
_WORTH_READING = 0.05  # probability, by the encoder, of a further paper that it reads


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression over named features: σ(intercept + Σ coefficient · feature)."""

    coefficients: Mapping[str, float]
    intercept: float

    def logits(self, features: Features) -> Values:
        """Return the logit of each row; each feature has shape (n,), and a missing one counts as 0."""
        known = [weight * features[name] for name, weight in self.coefficients.items() if name in features]
        rows = len(next(iter(features.values()), ()))
        return self.intercept + np.sum(known, axis=0) if known else np.full(rows, self.intercept)

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the probability of one row, in (0, 1); a missing feature counts as 0."""
        logit = self.intercept + sum(weight * features.get(name, 0.0) for name, weight in self.coefficients.items())
        return float(sigmoid(np.array(logit)))


@dataclass(frozen=True, slots=True)
class Ranker:
    """The fitted weights of one depth.

    `relevance` gives a paper's probability of belonging from the encoder's signals, `reranked` that of a paper which
    the cross-encoder has read (None at the depth "fast"), and `answerable` a question's probability of being answered:
    below `threshold` it is refused. `reread` gives the latter by a second reading of the best papers, if there is one.
    """

    relevance: Logistic
    reranked: Logistic | None
    answerable: Logistic
    threshold: float
    reread: Logistic | None = None


def load_ranker(depth: Depth, path: Path = WEIGHTS) -> Ranker:
    """Load the weights of "full" ranking, or of "fast" ranking without the cross-encoder."""
    return _read(path)[depth]


def load_tuned_ranker(depth: Depth, settings: Settings) -> Ranker:
    """Load the weights that were fitted to the library of a home folder, if they are in force; else those that ship."""
    kept = read_tuning(settings.home)
    if depth in kept.get("depths", {}) and is_in_force(kept, settings):
        return _rankers(kept)[depth]
    return load_ranker(depth)


def is_in_force(kept: Mapping[str, Any], settings: Settings) -> bool:
    """Return whether tuned weights were fitted to the models that are installed, and with these settings."""
    same = all(getattr(settings, name) == value for name, value in kept["fitted_with"].items())
    return same and bool(kept["models_sha256"] == installed_models())


def installed_models() -> dict[str, str]:
    """Return the SHA-256 of the models that rank papers."""
    return {folder.name: read_metadata(folder)["model_sha256"] for folder in (ENCODER, RERANKER)}


@cache
def _read(path: Path) -> dict[str, Ranker]:
    return _rankers(json.loads(path.read_text(encoding="utf-8")))


def _rankers(kept: Mapping[str, Any]) -> dict[str, Ranker]:
    return {
        depth: Ranker(
            relevance=Logistic(**each["relevance"]),
            reranked=Logistic(**each["reranked"]) if "reranked" in each else None,
            answerable=Logistic(**each["answerable"]),
            threshold=each["threshold"],
            reread=Logistic(**each["reread"]) if "reread" in each else None,
        )
        for depth, each in kept["depths"].items()
    }


class PaperScorer:
    """Ranks the candidates of one library by their probability of belonging.

    Without a cross-encoder, or with `depth` 0, the encoder's signals decide alone.
    """

    def __init__(
        self, library: Library, cross_encoder: CrossEncoder | None, depth: int, ranker: Ranker | None = None
    ) -> None:
        """`depth` is how many papers the cross-encoder reads at most; `ranker` overrides the fitted weights."""
        self._library = library
        self._depth = depth
        self.cross_encoder = cross_encoder if depth else None
        self.ranker = ranker or load_ranker("full" if self.cross_encoder else "fast")

    def open_reranker(
        self, query: EncodedQuery, respelt: str | None = None, words: OtherWords | None = None
    ) -> Reranker | None:
        """Return what reads papers for one question, spelt as each of them does; None where no cross-encoder does."""
        if self.cross_encoder is None:
            return None
        return Reranker(self.cross_encoder, self._library, query, respelt=respelt, words=words)

    def rank(
        self,
        query: Query,
        candidates: Candidates,
        reranker: Reranker | None = None,
        words: OtherWords | None = None,
    ) -> tuple[Hit, ...]:
        """Rank candidates by probability, the most probable first; ties go to the smaller paper_id.

        The cross-encoder reads the best that may belong, or of a question about certain papers these. What it turns
        down stays ahead of what it has not read.
        """
        ids = candidates.paper_ids
        if not ids:
            return ()
        signals = [{name: float(values[i]) for name, values in candidates.signals.items()} for i in range(len(ids))]
        logits = self.ranker.relevance.logits(relevance_features(candidates.signals))
        if candidates.respelt:
            other = self.ranker.relevance.logits(relevance_features(candidates.respelt))
            better = np.flatnonzero(other > logits)
            if words:  # which only papers that have no others are searched for by
                papers = self._library.papers.load([ids[i] for i in better])
                better = better[[words.are_those_of(paper) for paper in papers]]
            logits[better] = other[better]
        read: list[int] = []
        if reranker and self.ranker.reranked:
            wanted = sorted((ids.index(each) for each in query.papers if each in ids), key=lambda i: -logits[i])
            read = wanted[: self._depth] or worth_reading(logits, self._depth)
            scores = reranker.read(self._library.papers.load([ids[i] for i in read]))
            belongs, answers = (np.array([getattr(each, name) for each in scores]) for name in ("belongs", "answers"))
            for i, each in zip(read, scores, strict=True):
                signals[i] |= {"belongs": each.belongs, "answers": each.answers}
            logits[read] = self.ranker.reranked.logits(reranked_features(logits[read], belongs, answers))
        chances, strengths = sigmoid(logits), logits.copy()
        unread = [i for i in range(len(ids)) if i not in read]
        strengths[read] = np.maximum(strengths[read], logits[unread].max(initial=-np.inf))
        order = sorted(range(len(ids)), key=lambda i: (-strengths[i], i not in read, -logits[i], ids[i]))
        papers = self._library.papers.load([ids[i] for i in order])
        return tuple(
            Hit(rank, paper, float(chances[i]), float(strengths[i]), signals[i])
            for rank, (i, paper) in enumerate(zip(order, papers, strict=True), start=1)
        )


def relevance_features(signals: Signals) -> Features:
    """Return the features of each candidate (n,): its MaxSim, the distance to the best, the share of the best BM25.

    None of them depends on how many candidates there are, or on how the others are spread.
    """
    maxsim, lexical = signals["maxsim"], signals["lexical"]
    most = lexical.max(initial=0.0)
    return {
        "maxsim": maxsim,
        "behind": maxsim.max(initial=-1.0) - maxsim,
        "lexical": lexical / most if most > 0 else np.zeros(len(lexical)),
    }


def reranked_features(relevance: Values, belongs: Values, answers: Values) -> Features:
    """Return the features of papers that the cross-encoder has read: the encoder's logit, and its own two chances.

    As chances they are bounded: however sure the cross-encoder is, it moves a paper only so far from where the encoder
    has it, on questions too that are unlike those which it has learnt from.
    """
    return {"relevance": relevance, "belongs": sigmoid(belongs), "answers": sigmoid(answers)}


def best(logits: Values, count: int) -> list[int]:
    """Return the places of the greatest logits, the greatest first."""
    return [int(i) for i in np.argsort(-logits, kind="stable")[:count]]


def worth_reading(logits: Values, most: int) -> list[int]:
    """Return the places of the papers that the cross-encoder reads, at most so many, the most probable first."""
    chances = sigmoid(logits)
    return [i for rank, i in enumerate(best(logits, most)) if rank < ALWAYS_READ or chances[i] >= _WORTH_READING]


def sigmoid(logits: Values) -> Values:
    """Return 1 / (1 + exp(-x)) of each value."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))


def best_cut(probabilities: Sequence[float], most: int | None = None) -> int:
    """Return how many of the papers, most probable first, give the greatest expected F1: from 1 to `most`, or all.

    Papers belong independently of each other: the number that does among those kept, and among the others, is Poisson
    binomial, and F1's expectation over both is exact (Ye, Chai, Lee and Chieu, ICML 2012). O(n²·most) steps for n
    papers.
    """
    chances = np.asarray(probabilities, np.float64)
    limit = len(chances) if most is None else min(most, len(chances))
    others = [_count_distribution(chances[limit:])]
    for chance in chances[:limit][::-1]:
        others.append(_with_one_more(others[-1], chance))
    kept, best, size = np.ones(1), -1.0, 0
    for k in range(1, limit + 1):
        kept, left = _with_one_more(kept, chances[k - 1]), others[limit - k]
        right, missed = np.arange(len(kept))[:, None], np.arange(len(left))
        expected = float(kept @ (2 * right / (k + right + missed)) @ left)
        if expected > best + _EVEN:
            best, size = expected, k
    return size


def _count_distribution(chances: Values) -> Values:
    """Return the distribution (n + 1,) of how many of n papers belong."""
    found = np.zeros(len(chances) + 1)
    found[0] = 1
    for i, chance in enumerate(chances):
        more = found[: i + 1] * chance
        found[: i + 1] -= more
        found[1 : i + 2] += more
    return found


def _with_one_more(distribution: Values, chance: float) -> Values:
    """Return the distribution of a count of papers that belong (count + 1,) after one more paper (count + 2,)."""
    found = np.zeros(len(distribution) + 1)
    found[1:] = distribution * chance
    found[:-1] += distribution * (1 - chance)
    return found


def missed_range(left: Sequence[float]) -> tuple[int, int]:
    """Estimate how many of the papers left out belong: mean of their number ± one standard deviation."""
    mean, variance = sum(left), sum(p * (1 - p) for p in left)
    spread = float(np.sqrt(variance))
    return max(0, round(mean - spread)), round(mean + spread)
