"""`citedesk eval bench`: score the rankings on a public test set."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.tables import interval_cell, intervals_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_embed_model, add_json, add_quiet
from rag.cli.output import embedding_bar, note, note_lock_wait, print_result, progress_bar

if TYPE_CHECKING:
    from eval.benchmarks.beir import TestSet
    from eval.benchmarks.index import BM25
    from eval.benchmarks.systems import SystemScore
    from rag.index.generations import Manifest
    from rag.settings import Configuration, Settings

_MS_DIGITS = 1
_WHOLE = 100_000  # tokens: more than any abstract has, so that it stays in one piece
_REFERENCE: dict[str, Any] = {
    "embed_model": "sentence-transformers/all-MiniLM-L6-v2",
    "chunk_tokens": _WHOLE,
    "k1": 1.2,
    "b": 0.75,
}
_INDEXING = ("embed_model", "chunk_tokens", "chunk_overlap", "pool")


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "bench",
        "Score the rankings on a public test set in BEIR format.",
        "  citedesk eval bench scifact\n  citedesk eval bench scifact --reference --json\n"
        "The same command resumes a run that was stopped.",
    )
    add_json(parser)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with corpus.jsonl, queries.jsonl, qrels.tsv")
    parser.add_argument("--split", default="test", metavar="NAME", help="qrels to use: qrels_NAME.tsv (test)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the test set's index is kept (HOME/bench)")
    parser.add_argument(
        "--reference",
        action="store_true",
        help="the configuration of published figures: all-MiniLM-L6-v2, whole documents, k1 1.2, b 0.75",
    )
    add_embed_model(parser)
    parser.add_argument("--chunk-tokens", type=int, metavar="N", help="tokens of a chunk (CITEDESK_CHUNK_TOKENS)")
    parser.add_argument(
        "--chunk-overlap", type=int, metavar="N", help="tokens that two chunks share (CITEDESK_CHUNK_OVERLAP)"
    )
    parser.add_argument("--pool", type=int, metavar="N", help="candidates of each retriever (CITEDESK_POOL)")
    parser.add_argument("--k1", type=float, metavar="X", help="BM25: saturation of term frequency (1.5)")
    parser.add_argument("--b", type=float, metavar="X", help="BM25: document length normalisation, 0 to 1 (0.75)")
    add_quiet(parser)
    parser.set_defaults(run="eval.benchmarks.bench:bench")


def bench(arguments: Namespace, configuration: Configuration) -> int:
    """Score dense, BM25, fused, fast and full ranking on a folder in BEIR format."""
    from eval.benchmarks.beir import read_test_set
    from eval.benchmarks.index import BM25, open_indexed, scratch_settings
    from eval.benchmarks.systems import run_bench
    from rag.models.loading import load_models

    given = _given(arguments)
    settings = replace(configuration.settings, **{name: given[name] for name in _INDEXING if name in given})
    bm25 = BM25(**{name: float(given[name]) for name in ("k1", "b") if name in given})
    test_set = read_test_set(arguments.folder, arguments.split)
    for name, count in asdict(test_set.skipped).items():
        if count:
            note(f"left out: {count} {name.replace('_', ' ')}")
    settings = scratch_settings(settings, arguments.cache or settings.home / "bench", test_set.name)
    models = load_models(settings)
    progress = None if arguments.quiet else embedding_bar
    library = open_indexed(settings, test_set, bm25, lambda: models, note_lock_wait, progress)
    scores = run_bench(test_set, settings, library, models, None if arguments.quiet else progress_bar)
    print_result(
        arguments,
        lambda: bench_to_json(test_set, settings, bm25, library.manifest, scores),
        lambda: bench_to_text(test_set, library.manifest, scores),
    )
    return 0


def bench_to_json(
    test_set: TestSet, settings: Settings, bm25: BM25, manifest: Manifest, scores: Sequence[SystemScore]
) -> dict[str, Any]:
    """Return the scores with everything that they depend on."""
    return {
        "test_set": test_set.name,
        "split": test_set.split,
        "papers": manifest.papers,
        "queries": len(test_set.queries),
        "skipped": {**asdict(test_set.skipped), "failed_papers": len(manifest.failed)},
        "settings": {**{name: getattr(settings, name) for name in (*_INDEXING, "rerank_depth")}, **asdict(bm25)},
        "generation": manifest.generation,
        "systems": [_system_to_json(score) for score in scores],
    }


def bench_to_text(test_set: TestSet, manifest: Manifest, scores: Sequence[SystemScore]) -> str:
    """Return the scores as a table; a cell holds a mean with its 95 % interval."""
    heading = ["system", *scores[0].measures, "ms p50", "ms p95", "published ndcg@10"]
    rows = [
        [
            score.system,
            *map(interval_cell, score.measures.values()),
            f"{score.ms_p50:.1f}",
            f"{score.ms_p95:.1f}",
            f"{score.published.value:.3f} ({score.published.source})" if score.published else "",
        ]
        for score in scores
    ]
    counts = f"{manifest.papers} papers, n = {len(test_set.queries)} queries, 95 % bootstrap intervals"
    return f"{test_set.name}, {test_set.split} split: {counts}\n\n{to_table(heading, rows)}"


def _given(arguments: Namespace) -> dict[str, Any]:
    """Return the options that were given, over those that --reference stands for."""
    options = {name: getattr(arguments, name, None) for name in (*_INDEXING, "k1", "b")}
    given = {name: value for name, value in options.items() if value is not None}
    return {**_REFERENCE, **given} if arguments.reference else given


def _system_to_json(score: SystemScore) -> dict[str, Any]:
    known = score.published
    return {
        "system": score.system,
        "measures": intervals_to_json(score.measures),
        "ms_p50": round(score.ms_p50, _MS_DIGITS),
        "ms_p95": round(score.ms_p95, _MS_DIGITS),
        "published": {"ndcg@10": known.value, "source": known.source} if known else None,
    }
