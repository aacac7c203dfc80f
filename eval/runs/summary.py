"""Summary of a run: each measure's mean with n and interval, overall and by question type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eval.measures.catalogue import MEASURES, scores
from eval.runs.folder import Run, RunInfo
from eval.runs.rows import Row
from eval.stats import Interval, bootstrap_interval

OVERALL = "overall"
_PERCENTILES = (50, 95)


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The questions of one type, or all of them: `n` were answered; `measures` holds those that apply."""

    name: str
    n: int
    measures: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Summary:
    """A run's figures; `groups` starts with all questions, `latency_ms` maps "p50" and "p95" to milliseconds."""

    info: RunInfo
    answered: int
    errors: int
    missing: int
    groups: tuple[GroupSummary, ...]
    latency_ms: Mapping[str, float]
    notes: tuple[str, ...]

    @property
    def partial(self) -> bool:
        """Whether the means leave questions out."""
        return self.errors + self.missing > 0

    @property
    def overall(self) -> Mapping[str, Interval]:
        """The measures over all questions."""
        return self.groups[0].measures


def summarize(run: Run, seed: int = 0) -> Summary:
    """Average the questions without an error; those that failed or were not asked are only counted."""
    whole = [row for row in run.rows if row.error is None]
    scored = [(row, scores(row)) for row in whole]
    types = dict.fromkeys(row.question.type for row in whole)
    groups = [_group(OVERALL, [each for _, each in scored], seed)]
    groups += [_group(name, [each for row, each in scored if row.question.type == name], seed) for name in types]
    times = [row.total_ms for row in whole if row.total_ms is not None]
    latency = {f"p{rank}": float(np.percentile(times, rank)) for rank in _PERCENTILES} if times else {}
    missing = run.info.questions - len(run.rows)
    return Summary(run.info, len(whole), len(run.errors), missing, tuple(groups), latency, tuple(_notes(run, whole)))


def summary_to_json(summary: Summary, rows: Sequence[Row]) -> dict[str, Any]:
    """Return a summary, and each question's scores, as a JSON object."""
    return {
        "run": asdict(summary.info),
        "partial": summary.partial,
        "answered": summary.answered,
        "errors": summary.errors,
        "missing": summary.missing,
        "latency_ms": {**summary.latency_ms, "n": summary.answered},
        "notes": list(summary.notes),
        "measures": {group.name: _intervals(group) for group in summary.groups},
        "questions": [_scored(row) for row in rows],
    }


def _group(name: str, scored: Sequence[Mapping[str, float]], seed: int) -> GroupSummary:
    values = {measure: [each[measure] for each in scored if measure in each] for measure in MEASURES}
    intervals = {measure: bootstrap_interval(found, seed) for measure, found in values.items() if found}
    return GroupSummary(name, len(scored), intervals)


def _notes(run: Run, whole: Sequence[Row]) -> list[str]:
    """Return what a reader must know before trusting the figures."""
    notes = []
    missing = run.info.questions - len(run.rows)
    if run.partial:
        notes.append(
            f"PARTIAL: {len(whole)} of {run.info.questions} questions were answered, {len(run.errors)} failed and "
            f"{missing} were not asked. Every mean is over the {len(whole)} alone."
        )
    if whole and not any(row.question.answerable for row in whole):
        notes.append("No question here is answerable, so neither ranking nor citations nor facts could be measured.")
    if drafted := sum(row.question.drafted for row in whole):
        notes.append(f"{drafted} of {len(whole)} questions are drafts that nobody has reviewed.")
    if false := sum(len(row.quotes) - row.verbatim for row in whole):
        notes.append(f"{false} quotes are not verbatim at their offsets. There must be none.")
    return notes


def _intervals(group: GroupSummary) -> dict[str, dict[str, float]]:
    return {
        name: {"mean": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
        for name, interval in group.measures.items()
    }


def _scored(row: Row) -> dict[str, Any]:
    question = row.question
    return {"id": question.id, "type": question.type, "error": row.error, "scores": scores(row)}
