"""What each subcommand of `citedesk eval` does; heavy modules load inside the functions."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from eval.questions import GoldError, Question, load_gold
from eval.runs.compare import Gate
from eval.runs.folder import Mode, Run, RunFolder
from rag.cli.commands import note, print_result
from rag.errors import CitedeskError, UsageError
from rag.settings import Configuration, Settings

_LISTED = ("ndcg@10", "cited_f1")  # measures whose changed questions are listed where none is named


class RunPartial(CitedeskError):
    """A run that went through, but not every question of which was answered."""


class GateFailed(CitedeskError):
    """A comparison in which a named measure got worse by more than its margin."""


def run(arguments: Namespace, configuration: Configuration) -> int:
    """Ask gold questions and report; raises RunPartial where one failed, after the report is written."""
    from eval.runs.provenance import run_info
    from eval.runs.run import RunStopped, run_questions
    from rag.index.generations import IndexFolder, read_manifest

    settings = configuration.settings
    settings = settings if arguments.llm else replace(settings, recall=())
    mode = _mode(arguments, settings)
    generation = IndexFolder(settings.home).current()
    questions = chosen(load_questions(arguments.gold, generation), arguments.limit, arguments.sample)
    only = {name: number for name in ("limit", "sample") if (number := getattr(arguments, name)) is not None}
    info = run_info(mode, read_manifest(generation), settings, arguments.gold, len(questions), only)
    folder = RunFolder(arguments.out)
    from rag.engine import build  # 3 s of imports, after the gold has proved sound

    with folder.locked():
        try:
            engine = build(settings)
            judge = engine.writer.judge if engine.writer and mode == "llm" else None
            run_questions(engine, questions, info, folder, _progress(arguments.quiet), judge)
        except (RunStopped, KeyboardInterrupt):
            _report(folder, arguments, settings)
            raise
        done = _report(folder, arguments, settings)
    if done.partial:
        raise RunPartial(
            f"{len(done.errors)} of {len(questions)} questions failed, the first with: {done.errors[0].error} "
            "The report is marked partial. Run the same command again to ask them again."
        )
    return 0


def compare(arguments: Namespace, configuration: Configuration) -> int:
    """Compare two runs; raises GateFailed where a named measure got worse by more than its margin."""
    from eval.runs.compare import compare as compare_runs
    from eval.runs.compare import comparison_to_json, comparison_to_text
    from rag.render.terminal import safe  # drags the index in

    gates = _gates(arguments.measure, arguments.margin)
    before, after = RunFolder(arguments.a).read(), RunFolder(arguments.b).read()
    comparison = compare_runs(before, after, gates)
    print_result(
        arguments,
        lambda: comparison_to_json(comparison),
        lambda width: safe(comparison_to_text(comparison, arguments.measure or _LISTED)),
    )
    if comparison.failures:
        raise GateFailed(f"{'; '.join(comparison.failures)}. Mend it, or store a new baseline if it is meant.")
    return 0


def report(arguments: Namespace, configuration: Configuration) -> int:
    """Write a run's report anew."""
    _report(RunFolder(arguments.directory), arguments, configuration.settings)
    return 0


def _mode(arguments: Namespace, settings: Settings) -> Mode:
    if arguments.retrieval_only:
        return "retrieval"
    return "llm" if arguments.llm and settings.has_endpoint else "extractive"


def load_questions(paths: Sequence[Path], generation: Path) -> tuple[Question, ...]:
    """Load gold questions; each thing that is wrong with them is told on a line of its own first."""
    from rag.index.library import load_papers

    try:
        return load_gold(paths, load_papers(generation))
    except GoldError as error:
        for problem in error.problems:
            note(str(problem))
        raise


def chosen(questions: Sequence[Question], limit: int | None, sample: int | None) -> Sequence[Question]:
    """Give the first questions, or some that are spread evenly, in their order; all where neither is asked for."""
    if limit is not None:
        return questions[:limit]
    if sample is None or sample >= len(questions):
        return questions
    return [questions[i * len(questions) // sample] for i in range(sample)]


def _gates(measures: Sequence[str], margins: Sequence[float]) -> list[Gate]:
    if margins and not measures:
        raise UsageError("--margin without --measure means nothing: name the measure it is for.")
    if len(margins) > 1 and len(margins) != len(measures):
        raise UsageError(f"{len(margins)} margins for {len(measures)} measures: give one for all, or one for each.")
    if len(margins) < 2:
        margins = [*margins, 0.0][:1] * len(measures)
    return [Gate(measure, margin) for measure, margin in zip(measures, margins, strict=True)]


def _report(folder: RunFolder, arguments: Namespace, settings: Settings) -> Run:
    """Write the report's files, and print what they say."""
    from eval.report.markdown_report import headline
    from eval.report.write import write_report
    from eval.runs.last import note_last
    from eval.runs.summary import summary_to_json

    done = folder.read()
    summary = write_report(done, folder.path)
    note_last(settings.home, folder.path)
    print_result(arguments, lambda: summary_to_json(summary, done.rows), lambda width: headline(summary))
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
