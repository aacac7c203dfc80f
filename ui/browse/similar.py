"""More like this: the papers whose vectors point the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rag.models.encoder import Vectors

COUNT = 10


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A paper that is like another; `similarity` is the cosine of their vectors, in [-1, 1]."""

    paper_id: str
    similarity: float


def similar(paper_id: str, vectors: Mapping[str, Vectors], count: int = COUNT) -> tuple[Neighbour, ...]:
    """Find the other papers nearest to one by their unit vectors, nearest first; ties go to the smaller id."""
    own = vectors.get(paper_id)
    others = [other for other in vectors if other != paper_id]
    if own is None or not others:
        return ()
    cosines = np.stack([vectors[other] for other in others]) @ own
    ranked = sorted(zip(others, cosines.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Neighbour(other, cosine) for other, cosine in ranked[:count])
