"""`citedesk eval run` and `eval report`: ask gold questions, and write what came of them as a report."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag.cli.options import (
    Subparsers,
    add_command,
    add_embed_model,
    add_endpoint,
    add_json,
    add_no_llm,
    add_quiet,
    add_recall,
    add_writing,
    count,
)
from rag.cli.output import note, print_result
from rag.errors import CitedeskError

if TYPE_CHECKING:
    from eval.gold.questions import Question
    from eval.runs.folder import Run, RunFolder, RunMode
    from rag.settings import Configuration, Settings


class RunPartial(CitedeskError):
    """A run that is finished, but some of whose questions failed."""


def register(subparsers: Subparsers) -> None:
    """Add the commands."""
    parser = add_command(
        subparsers,
        "run",
        "Ask gold questions, keep a row for each, and write a report.",
        "  citedesk eval run --gold eval/gold/dev.jsonl --out runs/today\n"
        "  citedesk eval run --gold eval/gold/dev.jsonl eval/gold/conversations.jsonl --out runs/all --no-llm\n"
        "  citedesk eval run --gold eval/gold/dev.jsonl --out runs/fast --retrieval-only\n"
        "  citedesk eval run --gold eval/gold/dev.jsonl --out runs/parts --llm-mode per-paper --sample 20\n"
        "The same command resumes a run that was stopped.",
    )
    add_json(parser)
    parser.add_argument("--gold", nargs="+", type=Path, required=True, metavar="FILE", help="files of gold questions")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the rows and the report")
    add_no_llm(parser)
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--limit", type=count, metavar="N", help="ask only the first N questions")
    part.add_argument("--sample", type=count, metavar="N", help="ask only N questions, spread evenly over the files")
    add_recall(parser)
    parser.add_argument("--retrieval-only", action="store_true", help="only search; answer nothing")
    add_quiet(parser)
    add_embed_model(parser)
    add_endpoint(parser)
    add_writing(parser)
    parser.set_defaults(run="eval.runs.run:run")

    report = add_command(
        subparsers,
        "report",
        "Rewrite a run's report.html, report.md and report.json, also for a run that was stopped.",
        "  citedesk eval report runs/today",
    )
    add_json(report)
    report.add_argument("directory", type=Path, metavar="DIR", help="folder of the run")
    report.set_defaults(run="eval.runs.run:report")


def run(arguments: Namespace, configuration: Configuration) -> int:
    """Ask gold questions and write the report; raises RunPartial afterwards where a question failed."""
    import ir_measures  # noqa: F401  # what the report needs is missed before the questions are asked

    from eval.runs.asking import RunStopped, run_questions
    from eval.runs.folder import RunFolder
    from eval.runs.provenance import run_info
    from rag.index.generations import IndexFolder, read_manifest

    settings = configuration.settings
    settings = settings if arguments.llm else replace(settings, recall=())
    mode = _mode(arguments, settings)
    generation = IndexFolder(settings.home).current()
    questions = select_questions(load_questions(arguments.gold, generation), arguments.limit, arguments.sample)
    only = {name: number for name in ("limit", "sample") if (number := getattr(arguments, name)) is not None}
    info = run_info(mode, read_manifest(generation), settings, arguments.gold, len(questions), only)
    folder = RunFolder(arguments.out)
    from rag.engine import build  # 3 s of imports, after the gold questions have proved valid

    with folder.locked():
        try:
            engine = build(settings)
            judge = engine.writer.judge if engine.writer and mode == "llm" else None
            run_questions(engine, questions, info, folder, _progress(arguments.quiet), judge)
        except (RunStopped, KeyboardInterrupt):
            _write_report(folder, arguments, settings)
            raise
        done = _write_report(folder, arguments, settings)
    if done.partial:
        raise RunPartial(
            f"{len(done.errors)} of {len(questions)} questions failed, the first with: {done.errors[0].error} "
            "The report is marked partial. Run the same command again to ask them again."
        )
    return 0


def report(arguments: Namespace, configuration: Configuration) -> int:
    """Write a run's report again."""
    from eval.runs.folder import RunFolder

    _write_report(RunFolder(arguments.directory), arguments, configuration.settings)
    return 0


def load_questions(paths: Sequence[Path], generation: Path) -> tuple[Question, ...]:
    """Load gold questions; each problem is printed on a line of its own before GoldError is raised."""
    from eval.gold.questions import GoldError, load_gold
    from rag.index.papers import open_papers

    try:
        return load_gold(paths, open_papers(generation))
    except GoldError as error:
        for problem in error.problems:
            note(str(problem))
        raise


def select_questions(questions: Sequence[Question], limit: int | None, sample: int | None) -> Sequence[Question]:
    """Return the first `limit` questions, or `sample` of them spread evenly, in order; all where neither is given."""
    if limit is not None:
        return questions[:limit]
    if sample is None or sample >= len(questions):
        return questions
    from eval.gold.questions import spread_evenly

    return spread_evenly(questions, sample)


def _mode(arguments: Namespace, settings: Settings) -> RunMode:
    if arguments.retrieval_only:
        return "retrieval"
    return "llm" if arguments.llm and settings.has_endpoint else "extractive"


def _write_report(folder: RunFolder, arguments: Namespace, settings: Settings) -> Run:
    """Write the report's files, and print their headline."""
    from eval.report.markdown_report import headline
    from eval.report.write import write_report
    from eval.runs.folder import note_last
    from eval.runs.summary import summary_to_json

    done = folder.read()
    summary = write_report(done, folder.path)
    note_last(settings.home, folder.path)
    print_result(arguments, lambda: summary_to_json(summary, done.rows), lambda: headline(summary))
    note(f"report: {folder.path / 'report.html'}")
    return done


def _progress(quiet: bool) -> Callable[[Iterable[Question], int, int], Iterable[Question]]:
    def show(questions: Iterable[Question], done: int, total: int) -> Iterator[Question]:
        from tqdm import tqdm

        if done:
            note(f"{done} of {total} questions were answered by an earlier run: their rows are kept")
        yield from tqdm(
            questions, initial=done, total=total, unit=" questions", desc="asking", file=sys.stderr, disable=quiet
        )

    return show
