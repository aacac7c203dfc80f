"""Paired differences between two runs, and whether measures stay within their margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from eval.measures.catalogue import MEASURES, find_measure, scores
from eval.runs.folder import Run
from eval.runs.rows import question_digest
from eval.stats import Interval, bootstrap_interval, permutation_p

_SMALLEST = 1e-9  # a smaller difference counts as none
_SHOWN_P = 0.001


@dataclass(frozen=True, slots=True)
class Gate:
    """A measure that may get worse by `margin` at most, in its own unit."""

    measure: str
    margin: float


@dataclass(frozen=True, slots=True)
class Change:
    """One question's scores in both runs."""

    id: str
    question: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure over the questions that both runs scored; `change` is after minus before, `p` two-sided."""

    measure: str
    before: float
    after: float
    change: Interval
    p: float
    better: tuple[Change, ...]
    worse: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two runs; `failures` describe the failed gates, `notes` what was left out."""

    differences: tuple[Difference, ...]
    failures: tuple[str, ...]
    notes: tuple[str, ...]


def compare_runs(before: Run, after: Run, gates: Sequence[Gate] = (), seed: int = 0) -> Comparison:
    """Pair two runs by question; raises UsageError for a gate on an unknown measure.

    A gate also fails where a question of `before` is missing, failed or changed in `after`.
    """
    for gate in gates:
        find_measure(gate.measure)
    first = {row.question.id: row for row in before.rows}
    second = {row.question.id: row for row in after.rows}
    same = [
        name
        for name, row in first.items()
        if name in second and question_digest(row.question) == question_digest(second[name].question)
    ]
    pairs = {
        name: (first[name].question.question, scores(first[name]), scores(second[name]))
        for name in same
        if first[name].error is None and second[name].error is None
    }
    differences = [difference for name in MEASURES if (difference := _difference(name, pairs, seed))]
    notes = _notes(before, after, len(same), len(pairs))
    had = {gate.measure: sum(gate.measure in old for _, old, _ in pairs.values()) for gate in gates}
    failures = [failure for gate in gates if (failure := _failure(gate, differences, had[gate.measure]))]
    if not pairs:
        failures = ["no question of the one run was answered in the other with the same gold"]
    elif gates and len(pairs) < before.info.questions:
        failures.append(f"only {len(pairs)} of the {before.info.questions} questions could be compared")
    return Comparison(tuple(differences), tuple(failures), tuple(notes))


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as a JSON object."""
    return {**asdict(comparison), "holds": not comparison.failures}


def comparison_to_text(comparison: Comparison, listed: Sequence[str]) -> str:
    """Return a comparison as text, with the questions whose score changed by the measures `listed`."""
    lines = [f"{'measure':<20}{'n':>4}{'before':>10}{'after':>10}{'change':>10}  {'95 % interval':<22}{'p':>6}"]
    lines += map(_line, comparison.differences)
    lines.append("p: two-sided, by random flips of sign; not corrected for looking at several measures.")
    for each in comparison.differences:
        if each.measure in listed:
            lines += _listed(each)
    lines += ["", *(f"Note: {note}" for note in comparison.notes)] if comparison.notes else []
    return "\n".join(lines) + "\n"


def _difference(
    name: str, pairs: dict[str, tuple[str, dict[str, float], dict[str, float]]], seed: int
) -> Difference | None:
    found = [
        Change(question_id, text, old[name], new[name])
        for question_id, (text, old, new) in pairs.items()
        if name in old and name in new
    ]
    if not found:
        return None
    changes = [each.after - each.before for each in found]
    sign = 1 if MEASURES[name].more_is_better else -1
    order = sorted(found, key=lambda each: (-abs(each.after - each.before), each.id))
    return Difference(
        name,
        sum(each.before for each in found) / len(found),
        sum(each.after for each in found) / len(found),
        bootstrap_interval(changes, seed),
        permutation_p(changes, seed),
        tuple(each for each in order if sign * (each.after - each.before) > _SMALLEST),
        tuple(each for each in order if sign * (each.after - each.before) < -_SMALLEST),
    )


def _failure(gate: Gate, differences: Sequence[Difference], had: int) -> str | None:
    """Return why a gate fails, None where it holds; a measure that cannot be compared fails.

    `had` is the number of compared questions that had the measure before.
    """
    found = next((each for each in differences if each.measure == gate.measure), None)
    if found is None:
        return f"{gate.measure} was not measured in both runs"
    if found.change.n < had:
        return f"{gate.measure} is there for only {found.change.n} of the {had} questions that had it"
    loss = found.before - found.after if MEASURES[gate.measure].more_is_better else found.after - found.before
    if loss <= gate.margin + _SMALLEST:
        return None
    return f"{gate.measure} went from {found.before:.3f} to {found.after:.3f}, worse by more than {gate.margin:g}"


def _notes(before: Run, after: Run, same: int, pairs: int) -> list[str]:
    notes = [f"the run {name} is PARTIAL" for name, run in (("before", before), ("after", after)) if run.partial]
    if same < len(before.rows) or same < len(after.rows):
        notes.append(
            f"{len(before.rows) - same} questions of the run before and {len(after.rows) - same} of the run after have "
            "no counterpart with the same gold: left out"
        )
    if pairs < same:
        notes.append(f"{same - pairs} questions failed in one of the runs: left out")
    notes += [f"the runs differ in {difference}" for difference in before.info.set_up_differences(after.info)]
    return notes


def _line(difference: Difference) -> str:
    change, digits = difference.change, 1 if MEASURES[difference.measure].unit else 3
    interval = f"[{change.low:+.{digits}f}, {change.high:+.{digits}f}]"
    p = f"{difference.p:.3f}" if difference.p >= _SHOWN_P else f"<{_SHOWN_P}"
    return (
        f"{difference.measure:<20}{change.n:>4}{difference.before:>10.{digits}f}{difference.after:>10.{digits}f}"
        f"{change.mean:>+10.{digits}f}  {interval:<22}{p:>6}"
    )


def _listed(difference: Difference) -> list[str]:
    lines = []
    for word, changes in (("better", difference.better), ("worse", difference.worse)):
        lines += ["", f"{word} by {difference.measure}: {len(changes)}"]
        lines += [f"  {each.id}  {each.before:.3f} → {each.after:.3f}  {each.question}" for each in changes]
    return lines
