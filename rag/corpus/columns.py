"""Fixed-size facts of a paper, for filters that look at all papers."""

from __future__ import annotations

import numpy as np

from rag.types import Paper

COLUMNS = np.dtype([("flags", "<u1")])


def columns(paper: Paper) -> tuple[int, ...]:
    """Return a paper's row of `COLUMNS`; if this changes, `rag.index.generations.FORMAT` has to be raised."""
    return (0,)
