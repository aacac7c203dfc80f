"""Score the ways of ranking on a test set: dense, BM25, fused, and the search without and with the cross-encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from eval.measures.trec import per_query
from eval.stats import Interval, bootstrap_interval
from eval.testsets.beir import TestSet
from eval.testsets.published import Published, published
from rag.engine import Engine
from rag.index.library import Library
from rag.models.loading import Models
from rag.retrieval.candidates import bm25_search, dense_search
from rag.retrieval.fusion import fuse
from rag.settings import Settings
from rag.types import Hit, Overrides

Search = Callable[[str], list[str]]
Progress = Callable[[Iterable[str], int, str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figures; `ms_p50` and `ms_p95` are wall-clock milliseconds a query, embedding it included."""

    system: str
    measures: Mapping[str, Interval]
    ms_p50: float
    ms_p95: float
    published: Published | None = None


def systems(settings: Settings, library: Library, models: Models) -> dict[str, Search]:
    """Name the systems that are measured, simplest first; `fast` and `full` are the engine's own searches.

    They take a query as it is: a claim or a summary is no question that a user asks.
    """
    as_is = Overrides(as_is=True)

    def dense(question: str) -> list[str]:
        found = dense_search(library, models.encoder.encode_query(question), None, settings.pool)
        return [paper_id for paper_id, _ in found]

    def lexical(question: str) -> list[str]:
        return [paper_id for paper_id, _ in bm25_search(library, question, None, settings.pool)]

    def engine(depth: int) -> Search:
        built = Engine(replace(settings, rerank_depth=depth), library, models)
        return lambda question: _ids(built.search(question, as_is).hits)

    def fused(question: str) -> list[str]:
        rankings = {"dense": dense(question), "lexical": lexical(question)}
        return [paper_id for paper_id, _ in fuse(rankings, dict.fromkeys(rankings, 1.0), _RRF_K)]

    found = {"dense": dense, "lexical": lexical, "fused": fused, "fast": engine(0)}
    return found | ({"full": engine(settings.rerank_depth)} if settings.rerank_depth else {})


def _ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.paper.paper_id for hit in hits]


def run_bench(
    test_set: TestSet, settings: Settings, library: Library, models: Models, progress: Progress | None = None
) -> tuple[Row, ...]:
    """Rank the test set's queries with every system, and measure the rankings."""
    return tuple(
        _measure(name, search, test_set, settings, progress)
        for name, search in systems(settings, library, models).items()
    )


_RRF_K = 60  # Cormack et al. (2009)
_WHOLE = 512  # tokens of a chunk that holds a whole abstract


def _measure(name: str, search: Search, test_set: TestSet, settings: Settings, progress: Progress | None) -> Row:
    rankings: dict[str, list[str]] = {}
    times_ms: list[float] = []
    asked: Iterable[str] = list(test_set.queries)
    search(next(iter(test_set.queries.values())))  # the first query pays for what is opened lazily
    for query_id in progress(asked, len(test_set.queries), name) if progress else asked:
        start = perf_counter()
        found = search(test_set.queries[query_id])
        times_ms.append(1000 * (perf_counter() - start))
        # In some sets the queries are documents: a query does not find itself.
        rankings[query_id] = [paper_id for paper_id in found if paper_id != query_id]
    values = per_query(rankings, test_set.qrels)
    intervals = {measure: bootstrap_interval(list(of_query.values())) for measure, of_query in values.items()}
    whole = settings.chunk_tokens >= _WHOLE
    known = published(test_set.name, test_set.split, name, settings.embed_model, whole)
    p50, p95 = (float(np.percentile(times_ms, share)) for share in (50, 95))
    return Row(name, intervals, p50, p95, known)
