"""`citedesk bench`: time, memory and disk beside plain LlamaIndex, in turn, in fresh processes."""

from __future__ import annotations

import json
import statistics
from argparse import Namespace
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from eval.stats import Interval, bootstrap_interval
from eval.tables import interval_cell, intervals_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_json, add_quiet, count
from rag.cli.output import note, print_result
from rag.errors import CitedeskError, CorpusError

if TYPE_CHECKING:
    from eval.speed.clock import ProcessRun
    from eval.speed.sides import Side
    from rag.settings import Configuration
    from rag.types import Paper

_WARM = "questions in an open process"
_GOLD = Path(__file__).parents[1] / "gold" / "dev.jsonl"
_CLIENTS = (1, 4, 16)
_UNITS = {
    "index_cpu": "CPU s per 1,000 papers, from nothing",
    "update_cpu": "CPU s, one changed paper",
    "cold_wall": "s, one question in a fresh process",
    "cold_cpu": "CPU s, the same",
    "cold_memory": "MB at its peak, the same",
    "warm_wall": "s, a question in an open process",
    "warm_cpu": "CPU s, the same",
    "fast_cpu": "CPU s, the same with --fast",
    **{f"clients_{n}": f"questions/s, {n} at once (more is better)" for n in _CLIENTS},
    "disk": "kB a paper",
    "installed": "MB of packages",
}

Values = Mapping[str, Sequence[float]]
Take = Callable[["ProcessRun"], list[float]]


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "bench",
        "Measure time, memory and disk beside plain LlamaIndex over Chroma, in turn, over the papers of the index.",
        "  citedesk bench\n  citedesk bench --pairs 9 --questions eval/gold/dev.jsonl --json",
    )
    add_json(parser)
    parser.add_argument("--pairs", type=count, default=5, metavar="N", help="runs of each side, in turn (5)")
    parser.add_argument(
        "--questions", type=Path, default=_GOLD, metavar="FILE", help='JSON Lines with "question" (the gold questions)'
    )
    parser.add_argument("--n", type=count, default=30, metavar="N", help="questions in an open process (30)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the ratios as an SVG")
    add_quiet(parser)
    parser.set_defaults(run="eval.speed.bench:bench")


def bench(arguments: Namespace, configuration: Configuration) -> int:
    """Run both sides pair by pair, and print medians with their intervals, and the ratio of the medians."""
    from eval.report.charts import ratio_plot, standalone
    from rag.corpus.files import write_atomic
    from rag.index.generations import IndexFolder
    from rag.index.papers import open_papers

    papers = open_papers(IndexFolder(configuration.settings.home).current())
    if not papers:
        raise CorpusError("The index has no papers. Index some with `citedesk index`.")
    _require_stock()
    with TemporaryDirectory(prefix="citedesk-bench-", ignore_cleanup_errors=True) as folder:
        ours, stock, asked = measure(arguments, papers.values(), Path(folder))
    if arguments.plot:
        named = {_UNITS[name]: ratio for name, ratio in ratios(ours, stock).items()}
        write_atomic(arguments.plot, standalone(ratio_plot(named, "Citedesk beside plain LlamaIndex")))
    print_result(
        arguments,
        lambda: {**to_json(ours, stock, len(papers)), "warm": warm_to_json(asked)},
        lambda: to_text(ours, stock, len(papers), arguments.pairs),
    )
    return 0


def measure(
    arguments: Namespace, papers: Collection[Paper], folder: Path
) -> tuple[dict[str, list[float]], dict[str, list[float]], list[Mapping[str, Any]]]:
    """Return the values of each measure for Citedesk and for plain LlamaIndex, and Citedesk's warm questions.

    `folder` takes what both write.
    """
    from eval.speed.sides import PACKAGES, STOCK_PACKAGES, Ours, Stock, disk_bytes, installed_bytes, write_changed
    from rag.corpus.files import to_json_lines
    from rag.corpus.records import paper_to_record

    whole, changed, one, questions = (folder / f"{name}.jsonl" for name in ("papers", "changed", "one", "questions"))
    whole.write_text(to_json_lines(map(paper_to_record, papers)), encoding="utf-8")
    write_changed(whole, changed, one)
    texts = spread_questions(arguments.questions, arguments.n)
    questions.write_text(to_json_lines({"question": each} for each in texts), encoding="utf-8")
    asked: list[Mapping[str, Any]] = []

    sides: list[Side] = [Ours(folder / "citedesk"), Stock(folder / "stock")]
    found: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})

    def each_side(step: str, repeats: int, run: Callable[[Side], ProcessRun], **taken: Take) -> None:
        for i in range(repeats):
            if not arguments.quiet:
                note(f"{step} {i + 1} of {repeats}")
            for side, values in zip(sides, found, strict=True):
                ended = run(side)
                for name, take in taken.items():
                    values.setdefault(name, []).extend(take(ended))
                if step == _WARM and side is sides[0]:
                    asked.extend(_lines(ended))

    each_side("index", 1, lambda side: side.index(whole), index_cpu=lambda run: [1000 * run.cpu / len(papers)])
    for side, values in zip(sides, found, strict=True):
        values["disk"] = [disk_bytes(side.store) / len(papers) / 1000]
    each_side(
        "one question",
        arguments.pairs,
        lambda side: side.ask(texts[0]),
        cold_wall=lambda run: [run.wall],
        cold_cpu=lambda run: [run.cpu],
        cold_memory=lambda run: [run.memory],
    )
    each_side(
        _WARM,
        1,
        lambda side: side.warm(questions),
        warm_wall=lambda run: _timed(run, "wall"),
        warm_cpu=lambda run: _timed(run, "cpu"),
    )
    for clients in _CLIENTS:
        rate: dict[str, Take] = {f"clients_{clients}": lambda run: _timed(run, "per_second")}
        each_side(f"{clients} at once", 1, partial(_warm, questions=questions, clients=clients), **rate)
    sides[0] = Ours(folder / "citedesk", fast=True)
    each_side("the same, --fast", 1, lambda side: side.warm(questions), fast_cpu=lambda run: _timed(run, "cpu"))
    each_side("a changed paper", 1, lambda side: side.update(changed, one), update_cpu=lambda run: [run.cpu])
    for values, packages in zip(found, (PACKAGES, STOCK_PACKAGES), strict=True):
        values["installed"] = [sum(installed_bytes(packages).values()) / 1_000_000]
    return (*found, asked)


def _warm(side: Side, questions: Path, clients: int) -> ProcessRun:
    return side.warm(questions, clients)


def spread_questions(file: Path, n: int) -> list[str]:
    """Return `n` questions of a file of JSON Lines, spread evenly over it; raises CorpusError where it has none."""
    from eval.gold.questions import spread_evenly
    from rag.corpus.files import parse_json_lines, read_text

    records = [record for _, record in parse_json_lines(read_text(file)) if isinstance(record, dict)]
    found = [record["question"] for record in records if isinstance(record.get("question"), str)]
    if not found:
        raise CorpusError(f'{file} has no lines with a "question". Name another file with --questions.')
    return spread_evenly(found, min(n, len(found)))


def to_json(ours: Values, stock: Values, papers: int) -> dict[str, Any]:
    """Return medians, intervals and ratios as a JSON object."""
    return {
        "papers": papers,
        "citedesk": intervals_to_json(_medians(ours)),
        "stock": intervals_to_json(_medians(stock)),
        "ratio": {name: round(ratio, 3) for name, ratio in ratios(ours, stock).items()},
    }


def warm_to_json(asked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the median milliseconds of Citedesk's questions in an open process, by stage and by kind."""
    stages = {stage for each in asked for stage in each["stages_ms"]}
    by_kind: dict[str, list[float]] = {}
    for each in asked:
        by_kind.setdefault(each["kind"], []).append(1000 * each["wall"])
    return {
        "stages_ms": {
            stage: round(statistics.median(each["stages_ms"].get(stage, 0.0) for each in asked), 1)
            for stage in sorted(stages)
        },
        "kinds_ms": {kind: {"median": round(statistics.median(ms), 1), "n": len(ms)} for kind, ms in by_kind.items()},
    }


def to_text(ours: Values, stock: Values, papers: int, pairs: int) -> str:
    """Lay the measures out as a table."""
    left, right, ratio = _medians(ours), _medians(stock), ratios(ours, stock)
    rows = [
        (name, _UNITS[name], _cell(left[name]), _cell(right[name]), f"{ratio[name]:.2f}")
        for name in _UNITS
        if name in left
    ]
    heading = ("measure", "unit", "citedesk", "stock", "ratio")
    note = f"{papers} papers; one question: {pairs} pairs; medians with 95 % bootstrap intervals where n > 1."
    return f"{to_table(heading, rows, texts=2)}\n{note}\n"


def ratios(ours: Values, stock: Values) -> dict[str, float]:
    """Return the ratio of the medians, Citedesk's to the other's."""
    return {name: statistics.median(values) / statistics.median(stock[name]) for name, values in ours.items()}


def _medians(values: Values) -> dict[str, Interval]:
    return {name: bootstrap_interval(each, statistic="median") for name, each in values.items()}


def _cell(interval: Interval) -> str:
    return interval_cell(interval) if interval.n > 1 else f"{interval.mean:.3f}"


def _timed(run: ProcessRun, name: str) -> list[float]:
    return [each[name] for each in _lines(run)]


def _lines(run: ProcessRun) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in run.output.splitlines() if line.startswith("{")]


def _require_stock() -> None:
    from importlib.util import find_spec

    for module in ("llama_index.vector_stores.chroma", "llama_index.embeddings.huggingface"):
        try:
            found = find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise CitedeskError(f"{module} is not installed. Run `pip install 'citedesk[bench]'`.")
