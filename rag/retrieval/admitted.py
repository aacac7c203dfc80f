"""Which papers of a library pass filters, from columns of their facts and by looking up names: no record is read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rag.index.derived import HELD, packed_date
from rag.index.papers import PaperStore
from rag.query.names import LibraryNames
from rag.text.dates import first_day, last_day
from rag.text.venues import VENUE_KINDS, named_venue_kinds
from rag.types import Filters

Mask = NDArray[np.bool_]


def admitted(filters: Filters, papers: PaperStore, names: LibraryNames) -> Mask | None:
    """Return for each paper in corpus order whether it passes, as `Filters.admits`; None where there is no filter."""
    masks = constraint_masks(filters, papers, names)
    return np.logical_and.reduce(list(masks.values())) if masks else None


def constraint_masks(filters: Filters, papers: PaperStore, names: LibraryNames) -> Mapping[str, Mask]:
    """Return for each constraint that is set, by its name in CONSTRAINTS, which papers in corpus order pass it."""
    facts = papers.columns
    found: dict[str, Mask] = {}
    if filters.since is not None:
        found["since"] = (facts["date"] > 0) & (_first_days(facts["date"]) >= _packed_first(filters.since))
    if filters.until is not None:
        found["until"] = (facts["date"] > 0) & (facts["last"] <= _packed_last(filters.until))
    if filters.author is not None:
        found["author"] = _by(filters.author, papers, names)
    if filters.coauthors:
        found["coauthors"] = np.logical_and.reduce([_by(each, papers, names) for each in filters.coauthors])
    if filters.least_authors is not None or filters.most_authors is not None:
        counts = facts["authors"]
        least, most = filters.least_authors or 0, filters.most_authors
        found["author_count"] = (counts >= least) & ((counts <= most) if most else (counts >= 0))
    if filters.venue is not None:
        found["venue"] = _at(filters.venue, papers, names)
    if filters.organisation is not None:
        found["organisation"] = _from(filters.organisation, papers, names)
    if filters.code is not None:
        found["code"] = _holds(papers, "code") == filters.code
    if filters.not_date is not None:
        first, last = _packed_first(filters.not_date), _packed_last(filters.not_date)
        found["not_date"] = ~((facts["date"] > 0) & (_first_days(facts["date"]) >= first) & (facts["last"] <= last))
    if filters.not_author is not None:
        found["not_author"] = ~_by(filters.not_author, papers, names)
    if filters.not_venue is not None:
        found["not_venue"] = ~_at(filters.not_venue, papers, names)
    if filters.not_organisation is not None:
        found["not_organisation"] = ~_from(filters.not_organisation, papers, names)
    return found


def records(papers: PaperStore, name: str) -> bool:
    """Return whether any paper's record has what a constraint is about: "author_count", or a field of HELD."""
    return bool((papers.columns["authors"] >= 0).any() if name == "author_count" else _holds(papers, name).any())


def mask_of(positions: NDArray[np.int64], papers: PaperStore) -> Mask:
    """Return a mask of all papers in corpus order that is true at some positions."""
    mask = np.zeros(len(papers), np.bool_)
    mask[positions] = True
    return mask


def _by(author: str, papers: PaperStore, names: LibraryNames) -> Mask:
    return mask_of(papers.papers_with_any("author", names.authors(author)), papers)


def _at(venue: str, papers: PaperStore, names: LibraryNames) -> Mask:
    kinds = named_venue_kinds(venue)
    if kinds:
        found: Mask = np.isin(papers.columns["venue_kind"], [VENUE_KINDS.index(kind) for kind in kinds])
        return found
    return mask_of(papers.papers_with_any("venue", names.venues(venue)), papers)


def _from(organisation: str, papers: PaperStore, names: LibraryNames) -> Mask:
    return mask_of(papers.papers_with_any("organisation", names.organisations(organisation)), papers)


def _holds(papers: PaperStore, name: str) -> Mask:
    found: Mask = (papers.columns["held"] & HELD[name]) > 0
    return found


def _first_days(dates: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the first days that packed dates cover."""
    return dates + np.where(dates % 10000 == 0, 101, np.where(dates % 100 == 0, 1, 0)).astype(np.int32)


def _packed_first(date: str) -> int:
    return packed_date(str(first_day(date)))


def _packed_last(date: str) -> int:
    return packed_date(str(last_day(date)))
