"""Which of the papers found the answer cites, which are near misses, and how many it probably lacks (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.answer import Missed
from rag.retrieval.scoring import CERTAIN, best_cut, missed_range, nearest_first
from rag.types import Hit, Query

_DEEP = 100  # papers among which the cut is made; those behind it are taken for irrelevant
_NEAR = 8  # near misses shown
_FEWEST = {"compare": 2}
_MOST = {"fact": 3, "compare": 4, "lookup": 1}


@dataclass(frozen=True, slots=True)
class Choice:
    """The papers to cite, in the order to cite them, the nearest of the others, and how many are probably missed."""

    cited: tuple[Hit, ...]
    near: tuple[Hit, ...]
    missed: Missed | None = None


def choose(
    query: Query, hits: Sequence[Hit], decided: Mapping[str, bool] | None = None, odds: float | None = None
) -> Choice:
    """Cut the ranking where the expected F1 is greatest, within what the kind of question and its count allow.

    Papers `decided` on, by paper_id, are cited or not as it was decided, in the ranking's order or the one asked for;
    those that were turned down count as not missed, whatever their score. With `odds` a decision is no more than
    evidence: it raises or lowers a paper's odds by that factor before the cut (Bayes' rule, with errors that are
    independent of the ranking).
    """
    pool = hits[:_DEEP]
    if not decided:
        return _cut(query, pool)
    return _cut(query, _weighed(pool, decided, odds)) if odds else _as_decided(query, pool, decided)


def _cut(query: Query, pool: Sequence[Hit]) -> Choice:
    if query.order and query.kind != "compare":
        return _in_order(query, pool)
    kept = _kept(query, [hit.score for hit in pool])
    near = tuple(pool[kept : kept + _NEAR])
    missed = Missed(*missed_range([hit.score for hit in pool[kept:]])) if query.kind == "list" else None
    return Choice(tuple(pool[:kept]), near, missed)


def in_asked_order(query: Query, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Put the papers that an order by date chooses first, in that order; other rankings stay as they are."""
    if not query.order or query.kind == "compare":
        return tuple(hits)
    first = _in_order(query, hits[:_DEEP]).cited
    chosen = {hit.paper.paper_id for hit in first}
    rest = [hit for hit in hits if hit.paper.paper_id not in chosen]
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate([*first, *rest], start=1))


def _kept(query: Query, scores: Sequence[float]) -> int:
    if query.count and query.kind != "lookup":
        return min(query.count, len(scores))
    if query.papers and query.kind == "lookup":
        return len(scores)
    named = sum(score >= CERTAIN for score in scores)
    if query.kind == "compare" and named >= _FEWEST["compare"]:
        return named
    return min(max(best_cut(scores), _FEWEST.get(query.kind, 1)), _MOST.get(query.kind, _DEEP), len(scores))


def _weighed(pool: Sequence[Hit], decided: Mapping[str, bool], odds: float) -> tuple[Hit, ...]:
    weighed = []
    for hit in pool:
        factor = {True: odds, False: 1 / odds, None: 1.0}[decided.get(hit.paper.paper_id)]
        score = hit.score * factor / (hit.score * factor + 1 - hit.score)
        weighed.append(replace(hit, score=score, strength=score))
    return nearest_first(weighed)


def _as_decided(query: Query, pool: Sequence[Hit], decided: Mapping[str, bool]) -> Choice:
    usual = {hit.paper.paper_id for hit in _cut(query, pool).cited}
    ranked = nearest_first(pool)
    members = [hit for hit in ranked if decided.get(hit.paper.paper_id, hit.paper.paper_id in usual)]
    cited = (_by_date(query, members) if query.order else members)[: query.count]
    near = [hit for hit in ranked if hit not in cited]
    left = [hit.score for hit in near if hit not in members and hit.paper.paper_id not in decided]
    return Choice(
        tuple(cited), tuple(near[:_NEAR]), None if query.order and query.count else Missed(*missed_range(left))
    )


def _by_date(query: Query, members: Sequence[Hit]) -> list[Hit]:
    dated = [hit for hit in members if hit.paper.date]
    return sorted(dated, key=lambda hit: hit.paper.date or "", reverse=query.order == "newest") or list(members)


def _in_order(query: Query, pool: Sequence[Hit]) -> Choice:
    """Decide who belongs as in any list, then order those by date; of "the oldest" only so many are cited."""
    kept = best_cut([hit.score for hit in nearest_first(pool)])
    cited = _by_date(query, nearest_first(pool)[:kept])[: query.count]
    near = [hit for hit in nearest_first(pool) if hit not in cited]
    missed = None if query.count else Missed(*missed_range([hit.score for hit in nearest_first(pool)[kept:]]))
    return Choice(tuple(cited), tuple(near[:_NEAR]), missed)
