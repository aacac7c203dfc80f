"""Weighted reciprocal rank fusion (pure): Cormack, Clarke and Büttcher, SIGIR 2009."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=str)


def fuse(rankings: Mapping[Key, Sequence[str]], weights: Mapping[Key, float], k: int) -> list[tuple[str, float]]:
    """Join rankings of ids, best first, into one list of (id, score), best first; ties go to the smaller id.

    An id scores Σ weight / (k + rank), ranks from 1, divided by what the first of every ranking would get: (0, 1].
    A ranking of weight 0 takes no part.
    """
    best = sum(weights[name] for name in rankings) / (k + 1)
    scores: dict[str, float] = {}
    for name, ids in rankings.items():
        for rank, each in enumerate(ids, start=1):
            if weights[name] > 0:
                scores[each] = scores.get(each, 0.0) + weights[name] / (k + rank)
    return sorted(((each, score / best) for each, score in scores.items()), key=lambda pair: (-pair[1], pair[0]))
