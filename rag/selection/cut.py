"""Which of the papers found are cited, which are near misses, and how many relevant ones are probably missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.answer import EstimatedMissing
from rag.corpus.titles import find_by_title
from rag.retrieval.catalogue import ordered
from rag.retrieval.scoring import NAMED, best_cut, missed_range
from rag.types import Hit, Query

_POOL = 100  # papers among which the cut is made; those below are taken for irrelevant
_NEAR_MISSES = 8
_FEWEST = {"compare": 2}
_BELONGS = 0.5  # probability from which a paper is kept where papers are counted, or tested for a topic
_LEAST = 0.2  # probability below which no paper is cited for itself: more of them help expected F1, but no reader
_MOST = {"fact": 3, "compare": 4, "lookup": 1}


@dataclass(frozen=True, slots=True)
class Selection:
    """The papers to cite, in the order to cite them, the nearest of the others, and how many are probably missing."""

    cited: tuple[Hit, ...]
    near: tuple[Hit, ...]
    missed: EstimatedMissing | None = None


def select(
    query: Query, hits: Sequence[Hit], decisions: Mapping[str, bool] | None = None, odds: float | None = None
) -> Selection:
    """Cut a ranking, best first, where expected F1 is greatest, within what the kind of question and its count allow.

    `decisions` of a screening, by paper_id, overrule the cut; papers that were turned down do not count as missing.
    With `odds` a decision is only evidence: it multiplies or divides a paper's odds by that factor before the cut
    (Bayes' rule, taking its errors as independent of the ranking). Ordering by date is the last step.
    """
    pool = tuple(hits[:_POOL])
    if decisions and odds:
        pool = _weighed(pool, decisions, odds)
    if decisions and not odds:
        return _as_decided(query, pool, decisions)
    kept = _size(query, [hit.score for hit in pool])
    cited = _in_order(query, pool[:kept])
    near = [hit for hit in pool if hit not in cited]
    missed = EstimatedMissing(*missed_range([hit.score for hit in pool[kept:]])) if _counts_missing(query) else None
    return Selection(cited, tuple(near[:_NEAR_MISSES]), missed)


def arrange(query: Query, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Arrange a ranking for display: by date what an order asks for."""
    if not is_ordered(query):
        return tuple(hits)
    first = _in_order(query, hits[: _size(query, [hit.score for hit in hits[:_POOL]])])
    return _ranked([*first, *(hit for hit in hits if hit not in first)])


def arrange_named(query: Query, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Rank again: fixed papers in their order, and those that a comparison names first, taken for certain."""
    if query.fixed:
        places = {paper_id: place for place, paper_id in enumerate(query.papers)}
        return _ranked(sorted(hits, key=lambda hit: places[hit.paper.paper_id]))
    if query.kind != "compare":
        return _ranked(hits)
    papers = {hit.paper.paper_id: hit.paper for hit in hits}
    named = [paper_id for name in query.subjects if (paper_id := find_by_title(name, papers))]
    order = {paper_id: i for i, paper_id in enumerate(dict.fromkeys(named))}
    arranged = sorted(hits, key=lambda hit: (order.get(hit.paper.paper_id, len(order)), hit.rank))
    return _ranked(
        [replace(hit, score=max(NAMED, hit.score)) if hit.paper.paper_id in order else hit for hit in arranged]
    )


def is_ordered(query: Query) -> bool:
    """Return whether a question asks for papers in order of date."""
    return query.order is not None and query.kind != "compare" and not query.fixed


def _ranked(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    return tuple(hit if hit.rank == rank else replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1))


def _size(query: Query, scores: Sequence[float]) -> int:
    """Return how many of the papers are cited, or, where an order is asked for, how many belong."""
    if query.fixed or (query.papers and query.kind == "lookup"):
        return len(scores)
    action = query.action.name if query.action else None
    if action in ("more", "similar"):
        return min(query.count or len(scores), len(scores))
    if action in ("filter", "count") or (query.by_topic and not query.count):
        return sum(score >= _BELONGS for score in scores)
    if is_ordered(query):
        return _cut(scores)
    if query.count and query.kind != "lookup":
        belong = max(_cut(scores), sum(score >= _BELONGS for score in scores))
        return min(query.count, belong)
    named = sum(score >= NAMED for score in scores)
    if query.kind == "compare" and named >= _FEWEST["compare"]:
        return named
    return min(max(_cut(scores), _FEWEST.get(query.kind, 1)), _MOST.get(query.kind, _POOL), len(scores))


def _cut(scores: Sequence[float]) -> int:
    return best_cut(scores, max(sum(score >= _LEAST for score in scores), 1))


def _counts_missing(query: Query) -> bool:
    if query.fixed or (query.action and query.action.name == "similar"):  # no topic that papers could miss
        return False
    return query.count is None if is_ordered(query) else query.kind in ("list", "summary")


def _in_order(query: Query, members: Sequence[Hit]) -> tuple[Hit, ...]:
    """Order papers if that is asked for, no more than asked for."""
    if not is_ordered(query):
        return tuple(members)
    by_id = {hit.paper.paper_id: hit for hit in members}
    papers = ordered([hit.paper for hit in members], query.order or "oldest", query.count, only_known=True)
    return tuple(by_id[paper.paper_id] for paper in papers) or tuple(members[: query.count])


def _weighed(pool: Sequence[Hit], decisions: Mapping[str, bool], odds: float) -> tuple[Hit, ...]:
    weighed = []
    for hit in pool:
        factor = {True: odds, False: 1 / odds, None: 1.0}[decisions.get(hit.paper.paper_id)]
        score = hit.score * factor / (hit.score * factor + 1 - hit.score)
        weighed.append(replace(hit, score=score, strength=score))
    return tuple(sorted(weighed, key=lambda hit: -hit.score))


def _as_decided(query: Query, pool: Sequence[Hit], decisions: Mapping[str, bool]) -> Selection:
    usual = {hit.paper.paper_id for hit in select(query, pool).cited}
    members = [hit for hit in pool if decisions.get(hit.paper.paper_id, hit.paper.paper_id in usual)]
    cited = _in_order(query, members) if is_ordered(query) else tuple(members[: query.count])
    near = [hit for hit in pool if hit not in cited]
    left = [hit.score for hit in near if hit not in members and hit.paper.paper_id not in decisions]
    missed = None if query.order and query.count else EstimatedMissing(*missed_range(left))
    return Selection(cited, tuple(near[:_NEAR_MISSES]), missed)
