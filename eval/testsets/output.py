"""A bench run as JSON and as a table (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eval.measures.trec import MEASURES
from eval.tables import interval_cell, intervals_to_json, to_table
from eval.testsets.beir import TestSet
from eval.testsets.bench import Row
from eval.testsets.index import BM25
from rag.index.generations import Manifest
from rag.settings import Settings

_MS_DIGITS = 1
_SETTINGS = (
    "embed_model",
    "late_model",
    "chunk_tokens",
    "chunk_overlap",
    "pool",
    "rerank_depth",
)


def bench_to_json(
    test_set: TestSet, settings: Settings, bm25: BM25, manifest: Manifest, rows: Sequence[Row]
) -> dict[str, Any]:
    """Show a run with all that its figures depend on."""
    return {
        "test_set": test_set.name,
        "split": test_set.split,
        "papers": len(manifest.papers),
        "queries": len(test_set.queries),
        "skipped": {**asdict(test_set.skipped), "failed_papers": len(manifest.failed)},
        "settings": {**{name: getattr(settings, name) for name in _SETTINGS}, **asdict(bm25)},
        "generation": manifest.generation,
        "systems": [_row(row) for row in rows],
    }


def bench_to_text(test_set: TestSet, manifest: Manifest, rows: Sequence[Row]) -> str:
    """Lay a run out as a table: a mean with its 95 % interval in each cell."""
    heading = ["system", *MEASURES, "ms p50", "ms p95", "published ndcg@10"]
    lines = [
        [row.system, *map(interval_cell, row.measures.values()), f"{row.ms_p50:.1f}", f"{row.ms_p95:.1f}", _known(row)]
        for row in rows
    ]
    counts = f"{len(manifest.papers)} papers, n = {len(test_set.queries)} queries, 95 % bootstrap intervals"
    return f"{test_set.name}, {test_set.split} split: {counts}\n\n{to_table(heading, lines)}"


def _row(row: Row) -> dict[str, Any]:
    known = row.published
    return {
        "system": row.system,
        "measures": intervals_to_json(row.measures),
        "ms_p50": round(row.ms_p50, _MS_DIGITS),
        "ms_p95": round(row.ms_p95, _MS_DIGITS),
        "published": {"ndcg@10": known.value, "source": known.source} if known else None,
    }


def _known(row: Row) -> str:
    return f"{row.published.value:.3f} ({row.published.source})" if row.published else ""
