"""Reciprocal rank fusion, a baseline for the trained ranking: Cormack, Clarke and Büttcher, SIGIR 2009."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

K = 60  # of the paper


def reciprocal_rank_fusion(rankings: Iterable[Sequence[str]], k: int = K) -> list[tuple[str, float]]:
    """Join rankings of ids, best first, into one list of (id, score), best first; ties go to the smaller id.

    An id scores Σ 1 / (k + rank), with ranks from 1.
    """
    scores: dict[str, float] = {}
    for ids in rankings:
        for rank, each in enumerate(ids, start=1):
            scores[each] = scores.get(each, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
