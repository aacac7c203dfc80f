"""`citedesk tune`: fit the search to a library by gold questions, and keep what is better on questions held out."""

from __future__ import annotations

import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.stats import Interval, bootstrap_interval
from eval.tables import interval_cell, interval_to_json, to_table
from rag.cli.options import Subparsers, add_command, add_json, add_quiet
from rag.cli.output import note, print_result
from rag.errors import UsageError
from rag.settings import TUNING, Configuration, Settings, environment_variable

if TYPE_CHECKING:
    from eval.gold.questions import Question
    from eval.runs.rows import Row
    from eval.tuning.search import Candidate, Space, Trial
    from eval.tuning.trials import Outcome, TrialRunner

_MIN_QUESTIONS = 20  # questions
_OF_INDEX = ("embed_model", "chunk_tokens")
_TRIED: Mapping[str, tuple[int, ...]] = {"chunk_tokens": (192, 96), "pool": (50, 200), "rerank_depth": (3, 15)}
_STRENGTHS = (100.0, 10.0)


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "tune",
        "Fit the search to the papers of the index by gold questions, and keep what is better on those held out.",
        "  citedesk tune --gold my-questions.jsonl\n"
        "  citedesk tune --gold my-questions.jsonl --budget 30 --embed-models all-MiniLM-L6-v2\n"
        "  citedesk tune --undo",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--gold", nargs="+", type=Path, metavar="FILE", help="files of gold questions about these papers")
    what.add_argument("--undo", action="store_true", help="remove what an earlier run has kept")
    parser.add_argument(
        "--budget", type=minutes, default=10.0, metavar="MINUTES", help="time after which no more is tried (10)"
    )
    parser.add_argument(
        "--embed-models", nargs="+", default=[], metavar="NAME", help="other embedding models to try, tried first"
    )
    parser.add_argument("--dry-run", action="store_true", help="measure, and keep nothing")
    add_quiet(parser)
    add_json(parser)
    parser.set_defaults(run="eval.tuning.tune:tune")


def minutes(text: str) -> float:
    """Parse a positive number of minutes."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"not a number of minutes: {text!r}")
    return value


@dataclass(frozen=True, slots=True)
class Found:
    """The best candidate of a strategy; `held` and `gain` are over the questions that nothing was fitted to."""

    strategy: str
    trials: int
    best: Trial
    outcome: Outcome
    fit: Interval
    held: Interval
    gain: Interval


@dataclass(frozen=True, slots=True)
class Report:
    """What each strategy found, the first the one to keep, and what is reached without tuning."""

    found: Sequence[Found]
    before: Outcome
    space: Space
    fit: int
    held: int

    @property
    def is_better(self) -> bool:
        """Whether the winner gains more than one standard error (Breiman et al., CART, 1984: one-SE rule)."""
        import numpy as np

        winner = self.found[0]
        pairs = zip(winner.outcome.scores, self.before.scores, strict=True)
        gains = np.array([after - before for after, before in pairs])
        return bool(gains.mean() > max(1e-9, gains.std(ddof=1) / len(gains) ** 0.5))

    @property
    def changes(self) -> Mapping[str, Any]:
        """What the winner changes, by parameter."""
        return {name: value for name, value in self.found[0].best.candidate.items() if value != self.space[name][0]}


def tune(arguments: Namespace, configuration: Configuration) -> int:
    """Try candidates, print what they reach, and keep the winner where it is better on the questions held out."""
    home = configuration.settings.home
    if arguments.undo:
        return _undo(home)
    from tempfile import TemporaryDirectory

    from eval.runs.run import load_questions
    from eval.tuning.examples import read_asked
    from eval.tuning.trials import FOLDS, TrialRunner, divide, measurable
    from rag.index.generations import IndexFolder
    from rag.index.library import open_library
    from rag.models.loading import load_models

    settings = untuned(configuration)
    if not settings.rerank_depth:
        raise UsageError("CITEDESK_RERANK_DEPTH is 0: there is no cross-encoder to tune. Remove the setting.")
    loaded = load_questions(arguments.gold, IndexFolder(home).current())
    fit, held = divide(measurable(loaded))
    if drafts := sum(each.drafted for each in loaded):
        note(f"{drafts} of {len(loaded)} questions are left out: drafts that nobody has reviewed")
    if min(len(fit), len(held)) < _MIN_QUESTIONS // 2 or sum(bool(each.belong) for each in read_asked(fit)) < FOLDS:
        raise UsageError(
            f"{len(fit) + len(held)} questions are too few: write at least {_MIN_QUESTIONS}, most of them answered."
        )
    space = make_space(settings, arguments.embed_models, fixed_settings(configuration))
    with TemporaryDirectory(prefix="tuning-", dir=home) as folder:
        runner = TrialRunner(settings, open_library(settings), load_models(settings), Path(folder))
        try:
            report = search(runner, space, fit, held, 60 * arguments.budget, arguments.quiet)
        finally:
            runner.close()
    kept = report.is_better and not arguments.dry_run
    if kept:
        _keep(home, report, arguments.gold)
    print_result(arguments, lambda: report_to_json(report, kept), lambda: report_to_text(report, kept))
    if kept and report.changes.keys() & set(_OF_INDEX):
        note("The index has to be built with these settings: run `citedesk index`.")
    return 0


def untuned(configuration: Configuration) -> Settings:
    """Return the settings without what an earlier run has kept."""
    defaults: dict[str, Any] = {
        each.name: each.default for each in fields(Settings) if configuration.sources[each.name] == "tuned"
    }
    return replace(configuration.settings, **defaults)


def fixed_settings(configuration: Configuration) -> frozenset[str]:
    """Return the settings that the user has set, which would override what is kept."""
    return frozenset(name for name, source in configuration.sources.items() if source not in ("default", "tuned"))


def make_space(settings: Settings, models: Sequence[str] = (), fixed: Container[str] = ()) -> Space:
    """Return the values to try, what weighs most first: the model, then chunks, depths, and the weights.

    Of `fixed` settings only the value is tried that they have.
    """
    from eval.tuning.trials import SHIPPED, WEIGHTS

    tried: dict[str, Sequence[Any]] = {"embed_model": models, **_TRIED}
    tried = {name: () if name in fixed else values for name, values in tried.items()}
    space = {name: tuple(dict.fromkeys((getattr(settings, name), *values))) for name, values in tried.items()}
    space["chunk_tokens"] = tuple(each for each in space["chunk_tokens"] if each > settings.chunk_overlap)
    return {**space, WEIGHTS: (SHIPPED, *_STRENGTHS)}


def search(
    runner: TrialRunner,
    space: Space,
    fit: Sequence[Question],
    held: Sequence[Question],
    seconds: float,
    quiet: bool = False,
) -> Report:
    """Run greedy and random search on the questions to fit on, and measure the best of both on those held out."""
    from eval.tuning.search import at_random, best_trial, greedy, run_trials, unchanged

    until = time.monotonic() + seconds

    def evaluate(candidate: Candidate) -> Trial:
        started = time.monotonic()
        trial = runner.trial(candidate, fit)
        if not quiet:
            note(f"{trial.score:.3f}  {time.monotonic() - started:4.0f} s  {_words(candidate, space)}")
        return trial

    strategies = {"greedy": greedy(space), "random": at_random(space)}
    trials = run_trials(strategies, evaluate, lambda: time.monotonic() < until)
    before = runner.outcome(unchanged(space), fit, held)
    found = []
    for name, tried in trials.items():
        best = best_trial(tried)
        outcome = runner.outcome(best.candidate, fit, held)
        gains = [after - was for after, was in zip(outcome.scores, before.scores, strict=True)]
        intervals = map(bootstrap_interval, (best.scores, outcome.scores, gains))
        found.append(Found(name, len(tried), best, outcome, *intervals))
    found.sort(key=lambda each: -each.best.score)
    return Report(found, before, space, len(fit), len(held))


def report_to_json(report: Report, kept: bool) -> dict[str, Any]:
    """Return a report as a JSON object."""
    return {
        "questions": {"fit": report.fit, "held": report.held},
        "before": _measures_to_json(report.before),
        "found": [
            {
                "strategy": each.strategy,
                "trials": each.trials,
                "candidate": dict(each.best.candidate),
                "fit": interval_to_json(each.fit),
                "held": interval_to_json(each.held),
                "gain": interval_to_json(each.gain),
                "measures": _measures_to_json(each.outcome),
            }
            for each in report.found
        ],
        "kept": kept,
    }


def report_to_text(report: Report, kept: bool) -> str:
    """Return a report as a table, and what was kept or why nothing was."""
    heading = ["search", "finds", "trials", "score, fitted on", "score, held out", "gain over untuned"]
    rows = [
        [
            each.strategy,
            _words(each.best.candidate, report.space),
            str(each.trials),
            interval_cell(each.fit),
            interval_cell(each.held),
            interval_cell(each.gain, signed=True),
        ]
        for each in report.found
    ]
    measures = {"untuned": _measures(report.before), report.found[0].strategy: _measures(report.found[0].outcome)}
    names = list(measures["untuned"])
    below = [[name, *(interval_cell(found[each]) for each in names)] for name, found in measures.items()]
    return (
        f"{report.fit} questions to fit on, {report.held} held out; means with 95 % bootstrap intervals. The score is "
        "the F1 of the papers cited, or, where nothing answers, 1 for a refusal.\n\n"
        f"{to_table(heading, rows, texts=2)}\nheld out:\n{to_table(['', *names], below)}\n{_verdict(report, kept)}\n"
    )


def _verdict(report: Report, kept: bool) -> str:
    if not report.changes:
        tried = "no candidate was better" if any(each.trials > 1 for each in report.found) else "no other was tried"
        return f"Nothing is kept: {tried} on the questions to fit on."
    if not report.is_better:
        return (
            "Nothing is kept: on the questions held out the winner gains no more than one standard error. Ask more "
            "questions to detect smaller gains."
        )
    if not kept:
        return "The winner would be kept without --dry-run."
    return f"Kept: {_words(report.found[0].best.candidate, report.space)}. `citedesk tune --undo` removes it."


def _measures(outcome: Outcome) -> dict[str, Interval]:
    """Return means over the rows for which each measure is defined."""
    from eval.measures.catalogue import scores

    names = {"cited_f1": "F1", "rightly_refused": "unanswerable refused", "wrongly_refused": "answerable refused"}
    scored = [scores(row) for row in outcome.rows]
    lists = [each["cited_f1"] for each, row in zip(scored, outcome.rows, strict=True) if _is_list(row)]
    found = {
        "F1, lists": lists,
        **{words: [each[name] for each in scored if name in each] for name, words in names.items()},
    }
    return {name: bootstrap_interval(values) for name, values in found.items() if values}


def _is_list(row: Row) -> bool:
    return row.question.type == "set"


def _measures_to_json(outcome: Outcome) -> dict[str, Any]:
    return {name: interval_to_json(interval) for name, interval in _measures(outcome).items()}


def _words(candidate: Candidate, space: Space) -> str:
    """Say what a candidate changes."""
    changed = [f"{name} {value}" for name, value in candidate.items() if value != space[name][0]]
    return ", ".join(changed) or "untuned"


def _keep(home: Path, report: Report, gold: Sequence[Path]) -> None:
    import json

    from eval.tuning.fit import ranker_to_json
    from eval.tuning.trials import WEIGHTS
    from rag import __version__
    from rag.corpus.files import file_sha256, write_atomic
    from rag.retrieval.scoring import installed_models

    winner = report.found[0]
    ranker = winner.outcome.ranker
    kept = {
        "settings": {name: value for name, value in report.changes.items() if name != WEIGHTS},
        "depths": {"full": ranker_to_json(ranker)} if ranker else {},
        "fitted_with": {name: value for name, value in winner.best.candidate.items() if name != WEIGHTS},
        "models_sha256": installed_models(),
        "gain": interval_to_json(winner.gain),
        "held": interval_to_json(winner.held),
        "fit_questions": report.fit,
        "search": winner.strategy,
        "gold_sha256": {path.name: file_sha256(path) for path in gold},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
    }
    write_atomic(home / TUNING, json.dumps(kept, indent=1, sort_keys=True) + "\n")


def _undo(home: Path) -> int:
    from rag.settings import read_tuning

    kept = read_tuning(home)
    if not kept:
        note(f"nothing to undo: there is no {home / TUNING}")
        return 0
    (home / TUNING).unlink()
    note(f"removed {home / TUNING}: the values that ship are in force again")
    if changed := [name for name in _OF_INDEX if name in kept["settings"]]:
        note(f"{', '.join(map(environment_variable, changed))} changed: run `citedesk index`")
    return 0
