"""A run's report as one HTML page without scripts or other files (pure, all text escaped)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from eval.measures.catalogue import MEASURES
from eval.measures.ranking import DEPTH, recall_curve
from eval.report.figures import NOT_MEASURED, number, with_interval
from eval.report.question import question_to_html, strength
from eval.report.style import STYLE
from eval.report.svg import Line, curve_plot, histogram, interval_bar, interval_plot
from eval.runs.rows import Row
from eval.runs.summary import Summary
from eval.stats import Interval, bootstrap_interval

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
    """Lay out the whole page."""
    partial = " (partial)" if summary.partial else ""
    parts = [_head(summary, partial), _cards(summary), _types(summary), _curves(rows), _latency(summary, rows)]
    parts += [_table(summary), _questions(rows)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><title>Evaluation{partial}</title><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _head(summary: Summary, partial: str) -> str:
    info = summary.info
    gold = ", ".join(info.gold)
    about = (
        f"Mode {info.mode} · {gold} · {summary.answered} of {info.questions} answered, {summary.errors} failed"
        f" · {info.papers} papers, index {info.generation} · commit {(info.commit or 'unknown')[:12]} · {info.started}"
    )
    notes = "".join(f'<div class="note">{escape(note)}</div>' for note in summary.notes)
    return f'<h1>Evaluation{partial}</h1><p class="about">{escape(about)}</p>{notes}'


def _cards(summary: Summary) -> str:
    cards = [
        _card(
            label,
            number(summary.overall[name].mean, ""),
            with_interval(name, summary.overall[name]).partition(" ")[2] + f" n={summary.overall[name].n}",
            interval_bar(summary.overall[name], label),
        )
        for name, label in _HEADLINES.items()
        if name in summary.overall
    ]
    if summary.latency_ms:
        p50, p95 = (number(summary.latency_ms[name], "ms") for name in ("p50", "p95"))
        cards.append(_card("median latency", f"{p50} ms", f"p95 {p95} ms, n={summary.answered}", ""))
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(label: str, figure: str, detail: str, plot: str) -> str:
    return f'<div class="card"><small>{label}</small><b>{figure}</b><small>{detail}</small>{plot}</div>'


def _types(summary: Summary) -> str:
    plots = []
    for name in _PLOTTED:
        rows = [(each.name, each.measures[name]) for each in summary.groups if name in each.measures]
        if rows:
            caption = f"<b>{name}</b> {escape(MEASURES[name].meaning)}"
            plots.append(_figure(caption, interval_plot(rows, f"{name} by question type")))
    heading = (
        '<h2>By question type</h2><p class="soft">Mean and 95 % bootstrap interval over questions. Where all '
        "questions scored alike the interval has no width: that says nothing of how sure the mean is.</p>"
    )
    return f'{heading}<div class="plots">{"".join(plots)}</div>' if plots else ""


def _figure(caption: str, plot: str, css: str = "") -> str:
    return f'<figure class="{css}"><figcaption>{caption}</figcaption>{plot}</figure>'


def _curves(rows: Sequence[Row]) -> str:
    """Draw recall at every depth: over all questions with its band, then per type against all."""
    curves = {
        row.question.id: curve
        for row in rows
        if row.error is None and (curve := recall_curve(row.hits, row.question.relevant, DEPTH))
    }
    if not curves:
        return ""
    overall = _mean_curve(list(curves.values()))
    band = [(depth, interval.low, interval.high) for depth, interval in enumerate(overall, start=1)]
    whole = _line(overall, "whole")
    small = []
    for name in dict.fromkeys(row.question.type for row in rows if row.question.id in curves):
        own = [curves[row.question.id] for row in rows if row.question.type == name and row.question.id in curves]
        lines = [_line(overall, "faint"), _line(_mean_curve(own), "part")]
        small.append(_figure(f"<b>{escape(name)}</b> n={len(own)}", curve_plot(lines, (), name, (220, 130))))
    caption = f"All questions, n={len(curves)}, with 95 % interval; depth in papers"
    return (
        "<h2>Recall at depth</h2>"
        '<p class="soft">Share of the papers that must be there among the first so many. Dashed: all questions.</p>'
        f"{_figure(caption, curve_plot([whole], band, 'recall at depth', (900, 260)), 'big')}"
        f'<div class="small">{"".join(small)}</div>'
    )


def _mean_curve(curves: Sequence[Sequence[float]]) -> list[Interval]:
    return [bootstrap_interval(shares, samples=500) for shares in zip(*curves, strict=True)]


def _line(curve: Sequence[Interval], css: str) -> Line:
    return Line([(float(depth), interval.mean) for depth, interval in enumerate(curve, start=1)], css)


def _latency(summary: Summary, rows: Sequence[Row]) -> str:
    times = [row.total_ms for row in rows if row.error is None and row.total_ms is not None]
    if not times:
        return ""
    p50, p95 = (number(summary.latency_ms[name], "ms") for name in ("p50", "p95"))
    caption = f"Questions by time until the answer was whole; p50 {p50} ms, p95 {p95} ms, n={len(times)}"
    return f"<h2>Latency</h2>{_figure(caption, histogram(times, 'latency', 'ms', width=900), 'big')}"


def _table(summary: Summary) -> str:
    names = [name for name in MEASURES if name in summary.overall]
    heading = "".join(f"<th>{escape(each.name)} ({each.n})</th>" for each in summary.groups)
    lines = "".join(
        f'<tr><th title="{escape(MEASURES[name].meaning)}">{name}</th>'
        + "".join(f'<td class="figure">{_cell(name, each.measures)}</td>' for each in summary.groups)
        + "</tr>"
        for name in names
    )
    return (
        "<h2>All measures</h2><details><summary>Every mean with its interval and n, per question type</summary>"
        f'<div class="wide"><table><tr><th></th>{heading}</tr>{lines}</table></div></details>'
    )


def _cell(name: str, measures: Mapping[str, Interval]) -> str:
    if name not in measures:
        return NOT_MEASURED
    mean, _, bounds = with_interval(name, measures[name]).partition(" ")
    return f"<b>{mean}</b> n={measures[name].n}<br><small>{bounds}</small>"


def _questions(rows: Sequence[Row]) -> str:
    types: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda each: (strength(each), each.question.id)):
        types.setdefault(row.question.type, []).append(row)
    order = dict.fromkeys(row.question.type for row in rows)
    parts = [f"<h3>{escape(name)}</h3>{''.join(map(question_to_html, types[name]))}" for name in order]
    legend = (
        "Weakest first. Open one to see its answer, what it cited, and what it missed. Beside it: nDCG@10, recall in "
        "the first 20, F1 of the cited papers, and the shares of facts said and of gold evidence quoted."
    )
    return f'<h2>Questions</h2><p class="soft">{legend}</p>{"<br>".join(parts)}'
