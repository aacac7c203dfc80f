"""`citedesk eval vectors`: bytes a paper against nDCG@10, for compressed forms of token and single vectors."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.stats import Interval, bootstrap_interval
from eval.tables import interval_cell, intervals_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_json, add_quiet, count
from rag.cli.output import note, print_result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eval.benchmarks.beir import TestSet
    from eval.vectors.forms import Form, Restore
    from eval.vectors.ranking import Bench
    from rag.models.onnx import Array
    from rag.settings import Configuration, Settings

    Fitted = tuple[float, Restore]  # bytes of a vector, and what compresses and restores vectors

_START_BYTES = 2  # where a token starts in the abstract
_GOLD = Path(__file__).parents[1] / "gold" / "dev.jsonl"
_PART = 50_000  # token vectors at a time
TOKENS, SINGLE = "token vectors, --fast ranking", "single vectors alone"


@dataclass(frozen=True, slots=True)
class Measured:
    """A form's bytes a paper on a test set, its nDCG@10, and the paired difference to the reference form."""

    test_set: str
    ranking: str
    form: str
    paper_bytes: float
    ndcg: Interval
    difference: Interval


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "vectors",
        "Compare compressed forms of the vectors: bytes a paper against nDCG@10.",
        "  citedesk eval vectors scifact --sample arxiv_ml/corpus.jsonl\n"
        "  citedesk eval vectors scifact --sample arxiv_ml/corpus.jsonl --others recent.jsonl --n 10000 --out DIR",
    )
    add_json(parser)
    parser.add_argument("folder", type=Path, metavar="DIR", help="test set in BEIR format")
    parser.add_argument("--gold", type=Path, default=_GOLD, metavar="FILE", help="questions on the papers of the index")
    parser.add_argument(
        "--sample", type=Path, required=True, metavar="CORPUS", help="corpus.jsonl that the forms are fitted to"
    )
    parser.add_argument("--others", type=Path, metavar="FILE", help="papers that are searched as well")
    parser.add_argument("--n", type=count, default=10_000, metavar="N", help="how many of these (10000)")
    parser.add_argument("--forms", default="", metavar="TEXT", help="only forms with one of these words in their names")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where vectors are kept (HOME/vectors)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the plots, SVG")
    add_quiet(parser)
    parser.set_defaults(run="eval.vectors.compare:compare")


def compare(arguments: Namespace, configuration: Configuration) -> int:
    """Measure the forms on the test set and on the gold questions, and print and draw the results."""
    from eval.benchmarks.beir import read_test_set
    from eval.vectors.embedded import embed, join
    from eval.vectors.forms import token_forms, vector_forms
    from eval.vectors.quantization import chosen_tokens, embed_sample
    from eval.vectors.ranking import Bench
    from rag.corpus.reader import read_corpus
    from rag.models.encoder import FOLDER, OnnxEncoder

    settings, encoder = configuration.settings, OnnxEncoder(FOLDER)
    cache = arguments.cache or settings.home / "vectors"
    sets = [read_test_set(arguments.folder), gold_test_set(arguments.gold, settings)]
    others = (
        read_corpus([arguments.others], settings.saved_year, False).papers[: arguments.n] if arguments.others else ()
    )
    among = [embed(others, encoder, settings, cache, "others")] if others else []
    sample = embed_sample(arguments.sample, encoder, settings, cache)
    single = fitted(vector_forms(), sample.vectors, arguments.forms)
    tokens = fitted(token_forms(), chosen_tokens(sample), arguments.forms)
    measured: list[Measured] = []
    for test_set in sets:
        own = embed(test_set.papers, encoder, settings, cache, test_set.name)
        bench = Bench(test_set, others, join([own, *among]), encoder, settings.pool)
        for each in measure(test_set.name, bench, single, tokens):
            measured.append(each)
            if not arguments.quiet:
                found = f"{each.ndcg.mean:.4f} {interval_cell(each.difference, True)}"
                note(f"{each.test_set}, {each.ranking}: {each.form} {found}")
    if arguments.out:
        draw(measured, arguments.out)
    print_result(arguments, lambda: to_json(measured, len(others)), lambda: to_text(measured, len(others)))
    return 0


def gold_test_set(gold: Path, settings: Settings) -> TestSet:
    """Return the papers of the index with those gold questions that are asked alone and not about records."""
    from eval.benchmarks.beir import Skipped, TestSet
    from eval.gold.questions import load_gold
    from rag.index.library import open_library

    library = open_library(settings)
    papers = {paper_id: library.papers[paper_id] for paper_id in library.papers}
    library.close()
    asked = [each for each in load_gold([gold], papers) if each.wanted and not each.history and each.type != "metadata"]
    queries = {each.id: each.question for each in asked}
    return TestSet(
        gold.stem, "gold", tuple(papers.values()), queries, {each.id: each.relevant for each in asked}, Skipped()
    )


def fitted(forms: Sequence[Form], sample: Array, named: str) -> dict[str, Fitted]:
    """Fit the first form, and of the others those with one of the named words in their names, if any are named."""
    words = named.split()
    return {
        form.name: (form.row_bytes(sample.shape[1]), form.fit(sample))
        for i, form in enumerate(forms)
        if i == 0 or not words or any(word in form.name for word in words)
    }


def measure(name: str, bench: Bench, single: Mapping[str, Fitted], tokens: Mapping[str, Fitted]) -> Iterator[Measured]:
    """Measure the forms of single vectors and of token vectors on one test set; the first of each is the reference."""
    import numpy as np

    from eval.vectors.forms import PRODUCT

    embedded = bench.embedded
    chunks, rows = len(embedded.vectors) / embedded.papers, len(embedded.tokens) / embedded.papers
    before: list[float] = []
    for form, (row_bytes, restore) in single.items():
        scores = bench.dense(restore)
        before = before or scores
        yield _measured(name, SINGLE, form, chunks * row_bytes, scores, before)
    needed, before = bench.token_rows(), []
    parts = np.array_split(needed, len(needed) // _PART + 1)
    restored = np.zeros_like(embedded.tokens)
    for form, (row_bytes, restore) in tokens.items():
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for part, vectors in zip(parts, pool.map(partial(_restored, embedded.tokens, restore), parts), strict=True):
                restored[part] = vectors
        scores = bench.fast(restored)
        before = before or scores
        yield _measured(name, TOKENS, form, rows * (row_bytes + _START_BYTES), scores, before)
        if form == PRODUCT:
            share = bench.words.mean()
            kept_bytes, scores = share * rows * (row_bytes + _START_BYTES), bench.fast(restored, bench.words)
            yield _measured(name, TOKENS, f"{form}, words only", kept_bytes, scores, before)


def _restored(tokens: NDArray[np.float16], restore: Restore, rows: NDArray[np.int64]) -> Array:
    import numpy as np

    return restore(tokens[rows].astype(np.float32))


def _measured(
    name: str, ranking: str, form: str, paper_bytes: float, scores: Sequence[float], before: Sequence[float]
) -> Measured:
    differences = [after - reference for after, reference in zip(scores, before, strict=True)]
    return Measured(name, ranking, form, paper_bytes, bootstrap_interval(scores), bootstrap_interval(differences))


def draw(measured: Sequence[Measured], folder: Path) -> None:
    """Write a plot for each test set and ranking."""
    from eval.report.charts import standalone, trade_off_plot

    folder.mkdir(parents=True, exist_ok=True)
    for key, own in _grouped(measured):
        points = {each.form: (each.paper_bytes / 1000, each.ndcg.mean) for each in own}
        svg = trade_off_plot(points, f"nDCG@10 over kB a paper, {', '.join(key)}", "kB")
        (folder / f"{key[0]}-{'tokens' if key[1] == TOKENS else 'single'}.svg").write_text(standalone(svg), "utf-8")


def to_json(measured: Sequence[Measured], others: int) -> dict[str, Any]:
    """Return all results."""
    rows = [
        {
            "test_set": each.test_set,
            "ranking": each.ranking,
            "form": each.form,
            "bytes": round(each.paper_bytes),
            **intervals_to_json({"ndcg@10": each.ndcg, "difference": each.difference}),
        }
        for each in measured
    ]
    return {"others": others, "forms": rows}


def to_text(measured: Sequence[Measured], others: int) -> str:
    """Return a table for each test set and ranking."""
    tables = []
    for key, own in _grouped(measured):
        rows = [
            [
                each.form,
                f"{each.paper_bytes / 1000:.2f}",
                interval_cell(each.ndcg),
                interval_cell(each.difference, True),
            ]
            for each in own
        ]
        head = f"{key[0]}, {key[1]}: n = {own[0].ndcg.n} queries, {others} other papers, 95 % bootstrap intervals"
        tables.append(f"{head}\n\n{to_table(['form', 'kB a paper', 'ndcg@10', 'paired difference'], rows)}")
    return "\n".join(tables)


def _grouped(measured: Sequence[Measured]) -> list[tuple[tuple[str, str], list[Measured]]]:
    groups: dict[tuple[str, str], list[Measured]] = {}
    for each in measured:
        groups.setdefault((each.test_set, each.ranking), []).append(each)
    return list(groups.items())
