"""`python -m eval.speed.growth PAPERS…`: how index and questions grow with the collection, up to 200,000 papers.

For each size, in fresh processes: build, update of one paper and of a hundred, open, and questions with and without a
filter by year. The encoder is a stand-in whose own time is left out; the cross-encoder reads none unless --depth says.
Where the files have too few papers, more are made of their sentences in another order.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from eval.report.charts import log_log_plot, standalone
from eval.speed.bench import spread_questions
from eval.speed.clock import ProcessRun
from eval.speed.sides import disk_bytes, run_module
from eval.tables import to_table
from rag.corpus.files import to_json_lines, write_atomic
from rag.index.generations import IndexFolder

_SENTENCE = re.compile(r"(?<=[.?!])\s+")
_HUNDRED = 100
_FILTERED = "since 2024: "

Figures = dict[str, float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size, print the table, and write growth.json and the plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("papers", type=Path, nargs="+", help="JSON Lines with a title and an abstract")
    parser.add_argument("--sizes", default="1000,10000,50000,200000")
    parser.add_argument("--questions", type=Path, default=Path("eval/gold/tuning.jsonl"))
    parser.add_argument("--n", type=int, default=30, help="questions (30)")
    parser.add_argument("--depth", type=int, default=0, help="papers that the cross-encoder reads (0)")
    parser.add_argument("--reuse", action="store_true", help="take the builds of an earlier run from the folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for results, and for the indexes meanwhile")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    questions = given.out / "questions.jsonl"
    write_atomic(questions, to_json_lines({"question": each} for each in spread_questions(given.questions, given.n)))
    found: dict[int, Figures] = {}
    for size in map(int, given.sizes.split(",")):
        sys.stderr.write(f"{size:,} papers\n")
        found[size] = measure(given.papers, size, questions, given.out / f"{size}", given.depth, given.reuse)
        write_atomic(given.out / "growth.json", json.dumps(found, indent=1) + "\n")
        sys.stdout.write(to_text(found))
    for name, figures in plots(found).items():
        write_atomic(given.out / f"{name}.svg", figures)
    return 0


def papers_of(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Yield the papers of the files, then ever more with sentences of two of them in turn, and a title of both."""
    known: list[dict[str, Any]] = []
    for file in files:
        for line in file.read_text(encoding="utf-8").split("\n"):
            record = json.loads(line) if line else {}
            abstract = record.get("abstract") or record.get("text")
            if record.get("title") and abstract:
                kept = {name: record[name] for name in ("title", "authors", "date") if name in record}
                known.append({"paper_id": f"p{len(known):06}", "abstract": abstract, **kept})
                yield known[-1]
    chosen = random.Random(0)
    for number in range(len(known), sys.maxsize):
        first, second = chosen.sample(known, 2)
        pairs = zip(_SENTENCE.split(first["abstract"]), _SENTENCE.split(second["abstract"]), strict=False)
        words = [*first["title"].split()[::2], *second["title"].split()[1::2]]
        changed = {"paper_id": f"p{number:06}", "title": " ".join(words), "abstract": " ".join(map(" ".join, pairs))}
        yield {**first, **changed}


def measure(
    files: Sequence[Path], size: int, questions: Path, folder: Path, depth: int, reuse: bool = False
) -> Figures:
    """Return the figures of one size; `folder` takes the papers, the index, and the figures of its build."""
    folder.mkdir(exist_ok=True)
    home, file, build = folder / "home", folder / "papers.jsonl", folder / "build.json"

    def indexed(step: str) -> Figures:
        return _index_figures(step, run_module("eval.speed.growth_steps", "index", str(home), str(file), own=True))

    if not (reuse and build.exists()):
        _write(files, size, 0, file)
        write_atomic(build, json.dumps(indexed("build")) + "\n")
    figures: Figures = json.loads(build.read_text(encoding="utf-8"))
    for count in (1, _HUNDRED):
        _write(files, size, count, file)
        figures |= indexed(f"update of {count}")
    figures |= indexed("nothing changed")
    index = IndexFolder(home).current()
    for part in sorted(index.iterdir()):
        held = disk_bytes(part) if part.is_dir() else part.stat().st_size
        figures[f"disk: {part.name}, kB a paper"] = held / 1000 / size
    figures["disk, kB a paper"] = disk_bytes(index) / 1000 / size
    for name, further in (("", []), (_FILTERED, ["--since", "2024"])):
        asking = ["ask", str(home), str(questions), "--depth", str(depth), *further]
        figures |= {f"{name}{key}": value for key, value in _question_figures(asking).items()}
    return figures


def _write(files: Sequence[Path], size: int, changed: int, file: Path) -> None:
    """Write so many papers, some of them changed, in a process of its own.

    Linux counts what a process holds when it starts another towards the peak of that one's memory.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(_write_here, files, size, changed, file).result()


def _write_here(files: Sequence[Path], size: int, changed: int, file: Path) -> None:
    papers = list(islice(papers_of(files), size))
    write_atomic(file, to_json_lines(_with_changed(papers, changed) if changed else papers))


def _with_changed(papers: Sequence[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """Yield the papers, `count` of them, spread over the collection, with a sentence more."""
    every = len(papers) // count
    for i, paper in enumerate(papers):
        changed = i % every == every // 2
        yield {**paper, "abstract": f"{paper['abstract']} One of {count} is changed."} if changed else paper


def _index_figures(step: str, run: ProcessRun) -> Figures:
    steps = {each["step"]: each for each in map(json.loads, run.output.splitlines())}
    return {
        f"{step}: reading, CPU s": steps["read"]["cpu"],
        f"{step}: CPU s": steps["update"]["cpu"] - steps["encode"]["cpu"],
        f"{step}: wall s": steps["update"]["wall"] - steps["encode"]["wall"],
        f"{step}: peak MB": run.memory,
    }


def _question_figures(asking: Sequence[str]) -> Figures:
    run = run_module("eval.speed.growth_steps", *asking, own=True)
    lines = [json.loads(line) for line in run.output.splitlines()]
    asked = [each for each in lines if each["step"] == "question"]
    once = {each["step"]: each for each in lines if each["step"] != "question"}
    stages = {stage for each in asked for stage in each["stages_ms"]}
    return {
        "open, CPU s": once["open"]["cpu"],
        "first question, CPU s": once["first"]["cpu"],
        "question p50, CPU ms": 1000 * statistics.median(each["cpu"] for each in asked),
        "question p95, CPU ms": 1000 * float(np.percentile([each["cpu"] for each in asked], 95)),
        "question p50, wall ms": 1000 * statistics.median(each["wall"] for each in asked),
        **{
            f"{stage}, p50 ms": statistics.median(each["stages_ms"].get(stage, 0.0) for each in asked)
            for stage in sorted(stages - {"total"})
        },
        "asking: peak MB": run.memory,
    }


def exponents(found: Mapping[int, Figures]) -> dict[str, float]:
    """Return by how much each figure grows: the slope of its logarithm over that of the size, by least squares."""
    sizes = np.log(list(found))
    return {
        name: float(np.polyfit(sizes, np.log([max(each[name], 1e-9) for each in found.values()]), 1)[0])
        for name in next(iter(found.values()))
    }


def to_text(found: Mapping[int, Figures]) -> str:
    """Lay the figures out as a table, with exponents where there are two sizes."""
    slopes = exponents(found) if len(found) > 1 else {}
    rows = [
        (name, *(f"{each[name]:.3g}" for each in found.values()), f"{slopes[name]:.2f}" if name in slopes else "")
        for name in next(iter(found.values()))
    ]
    return to_table(("measure", *(f"{size:,}" for size in found), "exponent"), rows) + "\n"


def plots(found: Mapping[int, Figures]) -> dict[str, str]:
    """Return log-log plots as SVG by name: of the index and of the questions."""
    of_index = ("build: CPU s", "update of 1: CPU s", f"update of {_HUNDRED}: CPU s", "nothing changed: CPU s")
    of_questions = ("question p50, CPU ms", "question p95, CPU ms", f"{_FILTERED}question p50, CPU ms")
    return {
        name: standalone(
            log_log_plot({key: [(size, each[key]) for size, each in found.items()] for key in keys}, title, unit)
        )
        for name, keys, title, unit in (
            ("growth-index", of_index, "Time to build and update an index by its size", "CPU s"),
            ("growth-questions", of_questions, "Time of a question by the size of the collection", "CPU ms"),
        )
    }


if __name__ == "__main__":
    raise SystemExit(main())
