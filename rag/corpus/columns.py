"""Fixed-size facts of a paper, for filters and orders that look at all papers."""

from __future__ import annotations

import numpy as np

from rag.text.dates import last_day
from rag.text.venues import VENUE_KINDS, venue_kind
from rag.types import Paper

COLUMNS = np.dtype([("date", "<i4"), ("last", "<i4"), ("authors", "<i2"), ("venue_kind", "<i1"), ("held", "<u1")])
"""`date` is YYYYMMDD with zeros for what is not known, `last` the last day that it covers, in the same form, and both
are 0 without a date. `authors` is their number, -1 if unknown; `venue_kind` the place in VENUE_KINDS, -1 if none;
`held` the sum of the flags of `HELD` that apply."""

HELD = {"authors": 1, "venue": 2, "organisation": 4, "code": 8}
"""The flag of each field that says that a paper has it."""

_MOST = np.iinfo(np.int16).max


def columns(paper: Paper) -> tuple[int, ...]:
    """Return a paper's row of `COLUMNS`; if this changes, `rag.index.generations.FORMAT` has to be raised."""
    count = paper.known_author_count
    kind = venue_kind(paper.venue, paper.entry_type) if paper.venue else None
    return (
        packed_date(paper.date) if paper.date else 0,
        packed_date(str(last_day(paper.date))) if paper.date else 0,
        -1 if count is None else min(count, _MOST),
        VENUE_KINDS.index(kind) if kind else -1,
        sum(flag for name, flag in HELD.items() if getattr(paper, name)),
    )


def packed_date(text: str) -> int:
    """Return an ISO date as an integer: "2024-07" is 20240700."""
    return int(text.replace("-", "").ljust(8, "0"))
