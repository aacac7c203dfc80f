"""A run's report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from eval.measures.catalogue import MEASURES, scores
from eval.report.figures import NOT_MEASURED, cell, number, with_interval
from eval.runs.rows import Row
from eval.runs.summary import Summary

_LISTED = ("ndcg@10", "recall@20", "cited_f1", "facts_in_answer", "evidence_recall")


def report_to_markdown(summary: Summary, rows: Sequence[Row]) -> str:
    """Return the whole report: the figures, every measure per type, and every question's main scores."""
    return headline(summary) + _per_type(summary) + _questions(rows)


def headline(summary: Summary) -> str:
    """Return what was run, its notes, and every measure over all questions."""
    info = summary.info
    title = "# Evaluation" + (" (PARTIAL)" if summary.partial else "")
    about = (
        f"Mode {info.mode}, {summary.answered} of {info.questions} questions answered, {info.papers} papers, "
        f"index {info.generation}, commit {info.commit or 'unknown'}, {info.started}. "
        f"Intervals: 95 %, bootstrap over questions."
    )
    lines = [title, "", about, *(f"\n**{_escaped(note)}**" for note in summary.notes), ""]
    lines += _table(
        ("measure", "mean", "95 % interval", "n", "meaning"),
        (
            (name, *_mean_and_interval(name, summary), MEASURES[name].meaning)
            for name in MEASURES
            if name in summary.overall
        ),
    )
    if summary.latency_ms:
        p50, p95 = (number(summary.latency_ms[name], "ms") for name in ("p50", "p95"))
        lines += ["", f"Latency: p50 {p50} ms, p95 {p95} ms, n={summary.answered}. Errors: {summary.errors}."]
    return "\n".join(lines) + "\n"


def _mean_and_interval(name: str, summary: Summary) -> tuple[str, str, str]:
    interval = summary.overall[name]
    mean, _, bounds = with_interval(name, interval).partition(" ")
    return mean, bounds, str(interval.n)


def _per_type(summary: Summary) -> str:
    """Return every measure by question type, a table for each group of measures."""
    lines: list[str] = []
    for group in ("ranking", "answer", "written", "cost"):
        names = [name for name in MEASURES if MEASURES[name].group == group and name in summary.overall]
        if names:
            lines += ["", f"## By question type: {group}", ""]
            lines += _table(
                ("measure", *(f"{_escaped(each.name)} ({each.n})" for each in summary.groups)),
                ((name, *(cell(name, each.measures) for each in summary.groups)) for name in names),
            )
    return "\n".join(lines) + "\n"


def _questions(rows: Sequence[Row]) -> str:
    table = _table(("id", "type", "question", *_LISTED), map(_question, rows))
    return "\n".join(["", "## Questions", "", *table]) + "\n"


def _question(row: Row) -> tuple[str, ...]:
    question = row.question
    if row.error is not None:
        found = ["failed"] * len(_LISTED)
    else:
        scored = scores(row)
        found = [number(scored[name], "") if name in scored else NOT_MEASURED for name in _LISTED]
    return (*map(_escaped, (question.id, question.type, question.question)), *found)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heading, ["---"] * len(heading), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _escaped(text: str) -> str:
    """Escape Markdown, and keep the text on one line of its cell."""
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", " ".join(text.split()))
