"""Score the ways of ranking on a test set: dense, lexical (BM25), fused, and the full pipeline, each with its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from llama_index.core.base.base_retriever import BaseRetriever

from eval.measures.trec import per_query
from eval.stats import Interval, bootstrap_interval
from eval.testsets.beir import TestSet
from eval.testsets.published import Published, published
from rag.embed import Embedder
from rag.engine import assemble
from rag.library import Library
from rag.retrieve import DenseRetriever, FusedRetriever, LexicalRetriever, hits_from_nodes
from rag.settings import Settings
from rag.types import Filters, Hit, Signal

Search = Callable[[str], tuple[Hit, ...]]
Progress = Callable[[Iterable[str], int, str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figures; `ms_p50` and `ms_p95` are wall-clock milliseconds a query, embedding it included."""

    system: str
    measures: Mapping[str, Interval]
    ms_p50: float
    ms_p95: float
    published: Published | None = None


def systems(settings: Settings, library: Library, embedder: Embedder) -> dict[str, Search]:
    """Name the systems that are measured, simplest first; `full` is the engine's own search."""
    dense = DenseRetriever(library, embedder, Filters(), settings.pool)
    lexical = LexicalRetriever(library, Filters(), settings.pool)
    signals: dict[Signal, BaseRetriever] = {"dense": dense, "lexical": lexical}
    weights: dict[Signal, float] = {"dense": settings.dense_weight, "lexical": settings.lexical_weight}
    fused = FusedRetriever(signals, weights, settings.rrf_k)
    engine = assemble(settings, library, embedder)

    def through(retriever: BaseRetriever) -> Search:
        return lambda question: hits_from_nodes(retriever.retrieve(question), library.papers)

    return {
        "dense": through(dense),
        "lexical": through(lexical),
        "fused": through(fused),
        "full": lambda question: engine.search(question).hits,
    }


def run_bench(
    test_set: TestSet, settings: Settings, library: Library, embedder: Embedder, progress: Progress | None = None
) -> tuple[Row, ...]:
    """Rank the test set's queries with every system, and measure the rankings."""
    return tuple(
        _measure(name, search, test_set, settings, progress)
        for name, search in systems(settings, library, embedder).items()
    )


_WHOLE = 512  # tokens of a chunk that holds a whole abstract


def _measure(name: str, search: Search, test_set: TestSet, settings: Settings, progress: Progress | None) -> Row:
    rankings: dict[str, list[str]] = {}
    times_ms: list[float] = []
    asked: Iterable[str] = list(test_set.queries)
    search(next(iter(test_set.queries.values())))  # the first query pays for what is opened lazily
    for query_id in progress(asked, len(test_set.queries), name) if progress else asked:
        start = perf_counter()
        hits = search(test_set.queries[query_id])
        times_ms.append(1000 * (perf_counter() - start))
        # In some sets the queries are documents: a query does not find itself.
        rankings[query_id] = [hit.paper.paper_id for hit in hits if hit.paper.paper_id != query_id]
    values = per_query(rankings, test_set.qrels)
    intervals = {measure: bootstrap_interval(list(of_query.values())) for measure, of_query in values.items()}
    whole = settings.chunk_tokens >= _WHOLE
    known = published(test_set.name, test_set.split, name, settings.embed_model, whole)
    p50, p95 = (float(np.percentile(times_ms, share)) for share in (50, 95))
    return Row(name, intervals, p50, p95, known)
