"""Questions that the records answer exactly: which papers meet the constraints, in which order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.answer import Relaxation
from rag.index.papers import PaperStore
from rag.query.names import LibraryNames, paper_called
from rag.query.orders import sort_value, sorted_papers
from rag.query.overrides import filter_phrases
from rag.retrieval.admitted import Mask, admitted, constraint_masks, mask_of, records
from rag.types import CONSTRAINTS, Order, Paper, Query


def matching(query: Query, papers: PaperStore, names: LibraryNames) -> tuple[Paper, ...]:
    """Return the papers that a metadata question asks for, in the order asked for, else oldest first.

    At most the count asked for is returned. Papers without the value that the order goes by come last, and are left out
    where a certain number are asked for. Fixed papers keep their order.
    """
    if query.fixed:
        return tuple(papers[paper_id] for paper_id in query.papers if query.admits(papers[paper_id]))
    order = query.order or "oldest"
    if query.subjects:
        named = (paper_called(name, papers) for name in query.subjects)
        found = [papers[paper_id] for paper_id in dict.fromkeys(named) if paper_id]
    else:
        found = papers.at(_foremost(_meeting(query, papers, names), order, query.count, papers).tolist())
    found = [paper for paper in found if query.admits(paper)]
    found.sort(key=lambda paper: paper.paper_id)
    return ordered(found, order, query.count, only_known=bool(query.count and query.order))


def _meeting(query: Query, papers: PaperStore, names: LibraryNames) -> Mask:
    """Return which papers meet a query's constraints, in corpus order."""
    found = admitted(query.filters, papers, names)
    found = np.ones(len(papers), np.bool_) if found is None else found
    return found & _among(query, papers) if query.papers else found


def _among(query: Query, papers: PaperStore) -> Mask:
    return mask_of(papers.positions([each for each in query.papers if each in papers]), papers)


def _foremost(meeting: Mask, order: Order, count: int | None, papers: PaperStore) -> NDArray[np.int64]:
    """Return the positions of the first `count` papers in an order, of equal ones those with the first ids.

    All are returned for an order that columns do not hold, and where fewer have the value that it goes by.
    """
    held = np.flatnonzero(meeting)
    if order not in ("newest", "oldest", "most authors", "fewest authors") or not count:
        return held
    dated = order in ("newest", "oldest")
    values = papers.columns["date" if dated else "authors"][held].astype(np.int64)
    known = values > 0 if dated else values >= 0
    if known.sum() < count:
        return held
    held, values = held[known], values[known]
    values = -values if order in ("newest", "most authors") else values
    last = np.partition(values, count - 1)[count - 1]
    better, equal = held[values < last], held[values == last]
    by_id = np.argsort(np.array(papers.ids_at(equal), object), kind="stable")
    return np.concatenate([better, equal[by_id[: count - len(better)]]])


def ordered(papers: Sequence[Paper], order: Order, count: int | None, only_known: bool) -> tuple[Paper, ...]:
    """Sort papers, no more than a count; with `only_known` those without the value are left out."""
    by_id = {paper.paper_id: paper for paper in papers}
    ranked = [by_id[paper_id] for paper_id in sorted_papers(by_id, order, by_id)]
    known = [paper for paper in ranked if sort_value(paper, order) is not None]
    return tuple((known if only_known else ranked)[:count])


def unnamed(query: Query, papers: PaperStore) -> tuple[str, ...]:
    """Return the names in a question that are no paper's title, and that no paper introduces."""
    return tuple(name for name in query.subjects if paper_called(name, papers) is None)


def unmet(query: Query, papers: PaperStore, names: LibraryNames) -> tuple[Relaxation, ...]:
    """Return for each constraint how many papers meet all others, if none meets all; nothing where one does."""
    masks = constraint_masks(query.filters, papers, names)
    among = [_among(query, papers)] if query.papers else []
    if not masks or np.logical_and.reduce([*masks.values(), *among]).any():
        return ()
    others = {name: [*among, *(mask for other, mask in masks.items() if other != name)] for name in masks}
    return tuple(
        Relaxation(name, int(np.logical_and.reduce(others[name]).sum()) if others[name] else len(papers))
        for name in CONSTRAINTS
        if name in masks
    )


def unrecorded(query: Query, papers: PaperStore) -> tuple[str, ...]:
    """Return the constraints that nothing can be said of, because no record holds what they are about, or is counted
    by."""
    told = {"author": "authors", "author_count": "author_count"} | {x: x for x in ("venue", "organisation", "code")}
    asked = {*filter_phrases(query.filters), *([query.tally] if query.tally else [])}
    return tuple(name for name, field in told.items() if name in asked and not records(papers, field))
