"""The rankings that a test set scores: dense, BM25, their fusion, and the engine without and with its cross-encoder.

Measured through ir-measures (MacAvaney et al., ECIR 2022) as published figures are: nDCG (Järvelin, Kekäläinen, 2002)
with the grades themselves as gains, as in trec_eval; a query's reciprocal rank is that of its first relevant document,
0 beyond rank 10; a query without a ranking scores 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from eval.benchmarks.beir import TestSet
from eval.benchmarks.fusion import reciprocal_rank_fusion
from eval.stats import Interval, bootstrap_interval
from rag.engine import Engine
from rag.index.library import Library
from rag.models.loading import Models
from rag.retrieval.candidates import bm25_search, dense_search
from rag.retrieval.encoded_query import QueryEncoder
from rag.settings import Settings
from rag.text.tokens import tokenize
from rag.types import Hit, Overrides

SearchFunction = Callable[[str], list[str]]
QueryProgress = Callable[[Iterable[str], int, str], Iterable[str]]
Qrels = Mapping[str, Mapping[str, int]]

MEASURES = {"ndcg@10": "nDCG@10", "recall@20": "R@20", "recall@100": "R@100", "mrr@10": "RR@10"}
_WHOLE = 512  # tokens of a chunk that holds a whole abstract


@dataclass(frozen=True, slots=True)
class Published:
    """An nDCG@10 on the test split of a set, named like its folder; `embed_model` is None where no vectors are used."""

    test_set: str
    system: str
    embed_model: str | None
    value: float
    source: str


# For whole documents, title and text joined, and shown only beside scores of that configuration. The BM25 figures use
# other tokenizers, and their parameters may differ; sources name the model or toolkit, not every detail.
PUBLISHED = (
    Published("scifact", "lexical", None, 0.679, "pyserini"),
    Published("scifact", "dense", "all-MiniLM-L6-v2", 0.645, "MTEB"),
    Published("scitldr", "lexical", None, 0.800, "the test set's README"),
)


def published(test_set: str, split: str, system: str, embed_model: str, whole: bool) -> Published | None:
    """Return the figure for a system, if there is one; there is none where documents were cut into chunks."""
    for each in PUBLISHED if whole or system == "lexical" else ():
        if (each.test_set, "test", each.system) == (test_set, split, system) and each.embed_model in (
            None,
            embed_model.rpartition("/")[2],
        ):
            return each
    return None


@dataclass(frozen=True, slots=True)
class SystemScore:
    """One system's measures; `ms_p50` and `ms_p95` are wall-clock milliseconds a query, including its embedding."""

    system: str
    measures: Mapping[str, Interval]
    ms_p50: float
    ms_p95: float
    published: Published | None = None


def systems(settings: Settings, library: Library, models: Models) -> dict[str, SearchFunction]:
    """Return the measured systems by name, simplest first; `fast` and `full` are the engine's own searches.

    Queries are taken literally: a claim or a summary is not a user's question.
    """
    as_is = Overrides(as_is=True)

    encoder = QueryEncoder(models)

    def dense(question: str) -> list[str]:
        found = dense_search(library, encoder.encode(question).vector, None, settings.pool)
        return [paper_id for paper_id, _ in found]

    def lexical(question: str) -> list[str]:
        return [paper_id for paper_id, _ in bm25_search(library, tokenize(question), None, settings.pool)]

    def engine(depth: int) -> SearchFunction:
        built = Engine(replace(settings, rerank_depth=depth), library, models)
        return lambda question: _ids(built.search(question, as_is).hits)

    def fused(question: str) -> list[str]:
        rankings = (dense(question), lexical(question))
        return [paper_id for paper_id, _ in reciprocal_rank_fusion(rankings)]

    found = {"dense": dense, "lexical": lexical, "fused": fused, "fast": engine(0)}
    return found | ({"full": engine(settings.rerank_depth)} if settings.rerank_depth else {})


def _ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.paper.paper_id for hit in hits]


def run_bench(
    test_set: TestSet, settings: Settings, library: Library, models: Models, progress: QueryProgress | None = None
) -> tuple[SystemScore, ...]:
    """Rank the test set's queries with every system, and score the rankings."""
    return tuple(
        _measure(name, search, test_set, settings, progress)
        for name, search in systems(settings, library, models).items()
    )


def _measure(
    name: str, search: SearchFunction, test_set: TestSet, settings: Settings, progress: QueryProgress | None
) -> SystemScore:
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
    return SystemScore(name, intervals, p50, p95, known)


def per_query(rankings: Mapping[str, Sequence[str]], qrels: Qrels) -> dict[str, dict[str, float]]:
    """Return each of MEASURES by query id, in [0, 1], for all queries of `qrels` in their order."""
    import ir_measures  # 0.3 s

    measures = {ir_measures.parse_measure(known): name for name, known in MEASURES.items()}
    values = {name: dict.fromkeys(qrels, 0.0) for name in MEASURES}
    # Scores fall with the rank, so that no tie is left for trec_eval to break by id.
    run = {
        query_id: {document_id: -float(rank) for rank, document_id in enumerate(rankings.get(query_id, ()))}
        for query_id in qrels
    }
    for metric in ir_measures.iter_calc(list(measures), {key: dict(grades) for key, grades in qrels.items()}, run):
        values[measures[metric.measure]][metric.query_id] = metric.value
    return values
