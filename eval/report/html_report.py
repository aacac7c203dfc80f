"""A run's report as one HTML page that contains its style and charts and runs no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.measures.catalogue import MEASURES
from eval.measures.ranking import DEPTH, recall_curve
from eval.report.charts import Line, curve_plot, histogram, interval_bar, interval_plot
from eval.report.figures import NOT_MEASURED, number, with_interval
from eval.report.question_scores import question_values, strength
from eval.runs.rows import Row
from eval.runs.summary import Summary
from eval.stats import Interval, bootstrap_interval
from rag.render.html import environment

_HEADLINES = {
    "ndcg@10": "nDCG@10",
    "recall@20": "recall in the first 20",
    "success@1": "first paper right",
    "cited_f1": "F1 of cited papers",
    "facts_in_answer": "facts in the answer",
    "evidence_recall": "gold evidence quoted",
    "quotes_verbatim": "quotes verbatim",
    "rightly_refused": "unanswerable, refused (should be 1)",
    "wrongly_refused": "answerable, refused (should be 0)",
    "sentences_supported": "written sentences supported",
    "citations_needed": "their citations needed",
}
_PLOTTED = (
    "ndcg@10",
    "recall@20",
    "cited_f1",
    "facts_in_answer",
    "evidence_recall",
    "citations_relevant",
    "sentences_supported",
)


def report_to_html(summary: Summary, rows: Sequence[Row]) -> str:
    """Return the whole page."""
    title = f"Evaluation{' (partial)' if summary.partial else ''}"
    return (
        environment("eval.report")
        .get_template("report.html")
        .render(
            title=title,
            about=_about(summary),
            summary=summary,
            cards=_cards(summary),
            plots=_plots(summary),
            curves=_curves(rows),
            latency=_latency(summary, rows),
            measures=_measures(summary),
            not_measured=NOT_MEASURED,
            types=_types(rows),
        )
    )


def _about(summary: Summary) -> str:
    info = summary.info
    return (
        f"Mode {info.mode} · {', '.join(info.gold)} · {summary.answered} of {info.questions} answered, "
        f"{summary.errors} failed · {info.papers} papers, index {info.generation} · "
        f"commit {(info.commit or 'unknown')[:12]} · {info.started}"
    )


def _cards(summary: Summary) -> list[dict[str, str]]:
    cards = []
    for name, label in _HEADLINES.items():
        if name in summary.overall:
            interval = summary.overall[name]
            bounds = with_interval(name, interval).partition(" ")[2]
            detail = f"{bounds} n={interval.n}"
            cards.append(_card(label, number(interval.mean, ""), detail, interval_bar(interval, label)))
    if summary.latency_ms:
        p50, p95 = _percentiles(summary)
        cards.append(_card("median latency", f"{p50} ms", f"p95 {p95} ms, n={summary.answered}", ""))
    return cards


def _card(label: str, figure: str, detail: str, plot: str) -> dict[str, str]:
    return {"label": label, "figure": figure, "detail": detail, "plot": plot}


def _plots(summary: Summary) -> list[dict[str, str]]:
    plots = []
    for name in _PLOTTED:
        rows = [(each.name, each.measures[name]) for each in summary.groups if name in each.measures]
        if rows:
            svg = interval_plot(rows, f"{name} by question type")
            plots.append({"name": name, "meaning": MEASURES[name].meaning, "svg": svg})
    return plots


def _curves(rows: Sequence[Row]) -> dict[str, Any]:
    """Plot recall at every depth: over all questions with its band, then each type against all."""
    curves = {
        row.question.id: curve
        for row in rows
        if row.error is None and (curve := recall_curve(row.hits, row.question.relevant, DEPTH))
    }
    if not curves:
        return {}
    overall = _mean_curve(list(curves.values()))
    band = [(depth, interval.low, interval.high) for depth, interval in enumerate(overall, start=1)]
    types = []
    for name in dict.fromkeys(row.question.type for row in rows if row.question.id in curves):
        own = [curves[row.question.id] for row in rows if row.question.type == name and row.question.id in curves]
        lines = [_line(overall, "faint"), _line(_mean_curve(own), "part")]
        types.append({"name": name, "count": len(own), "svg": curve_plot(lines, (), name, (220, 130))})
    svg = curve_plot([_line(overall, "whole")], band, "recall at depth", (900, 260))
    return {"count": len(curves), "svg": svg, "types": types}


def _mean_curve(curves: Sequence[Sequence[float]]) -> list[Interval]:
    return [bootstrap_interval(shares, samples=500) for shares in zip(*curves, strict=True)]


def _line(curve: Sequence[Interval], css: str) -> Line:
    return Line([(float(depth), interval.mean) for depth, interval in enumerate(curve, start=1)], css)


def _latency(summary: Summary, rows: Sequence[Row]) -> dict[str, str]:
    times = [row.total_ms for row in rows if row.error is None and row.total_ms is not None]
    if not times:
        return {}
    p50, p95 = _percentiles(summary)
    caption = f"Questions by time until the answer was complete; p50 {p50} ms, p95 {p95} ms, n={len(times)}"
    return {"caption": caption, "svg": histogram(times, "latency", "ms", width=900)}


def _percentiles(summary: Summary) -> tuple[str, str]:
    return number(summary.latency_ms["p50"], "ms"), number(summary.latency_ms["p95"], "ms")


def _measures(summary: Summary) -> list[dict[str, Any]]:
    return [
        {"name": name, "meaning": each.meaning, "cells": [_cell(name, group.measures) for group in summary.groups]}
        for name, each in MEASURES.items()
        if name in summary.overall
    ]


def _cell(name: str, measures: Mapping[str, Interval]) -> dict[str, Any]:
    if name not in measures:
        return {}
    mean, _, bounds = with_interval(name, measures[name]).partition(" ")
    return {"mean": mean, "bounds": bounds, "n": measures[name].n}


def _types(rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    """Group the questions by type, in the order of the run; in each the weakest first."""
    types: dict[str, list[dict[str, Any]]] = {row.question.type: [] for row in rows}
    for row in sorted(rows, key=lambda each: (strength(each), each.question.id)):
        types[row.question.type].append(question_values(row))
    return types
