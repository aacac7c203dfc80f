from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.gold.questions import EvidenceSpan, Question
from eval.report.charts import Line, curve_plot, histogram, interval_plot, reliability_plot, standalone
from eval.report.html_report import report_to_html
from eval.report.markdown_report import report_to_markdown
from eval.report.write import write_report
from eval.runs.rows import Row
from eval.runs.summary import summarize
from eval.stats import Interval
from rag.types import Turn
from tests.eval_fakes import answer, row, run_of

EVIL = '<script>alert("x")</script> & | more'
VOID = {"meta", "br", "line", "circle", "rect", "polyline", "polygon"}


def evil_row() -> Row:
    quotes = [{"text": EVIL, "start": 0, "end": 5}]
    asked = Question(
        id="<b>",
        type=EVIL,
        question=EVIL,
        relevant={"a": 2, "b": 2, "c": 1},
        evidence=(EvidenceSpan("a", EVIL, 0, 5), EvidenceSpan("b", EVIL, 9, 20)),
        answer_facts=(EVIL,),
        history=(Turn(EVIL, EVIL),),
        titles=dict.fromkeys("abc", EVIL),
    )
    said = answer("answered", EVIL, ("a", quotes), ("x", []))
    said["citations"][0] |= {"title": EVIL, "url": 'https://example.org/?a=1&b="2'}
    said["citations"][1] |= {"url": "javascript:alert(1)"}
    said["notice"] = EVIL
    return Row(asked, ("a", "x", "c"), said, 1, 5.0, 9.0)


class Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def page(*rows: Row, questions: int | None = None) -> str:
    run = run_of(*rows, questions=questions)
    return report_to_html(summarize(run), run.rows)


def test_page_is_whole_and_needs_nothing_else() -> None:
    html = page(row("A", ("2401.00001",), total_ms=12.0), evil_row(), row("C", (), error=EVIL))
    balance = Balance()
    balance.feed(html)
    assert balance.open == []
    assert not re.search(r"<(script|link|img|iframe|object)\b|@import|url\(", html)


def test_everything_from_outside_is_escaped() -> None:
    html = page(evil_row(), row("C", (), error=EVIL))
    assert "alert(" in html
    assert "<script" not in html
    assert "javascript:" not in html
    assert 'href="https://example.org/?a=1&amp;b=&#34;2"' in html


def test_question_unfolds_to_what_it_cited_and_missed() -> None:
    html = page(evil_row())
    for part in (
        "● must be there",
        "○ not relevant",
        "Missed papers",
        "not among the first 50",
        "found at rank 3",
        "○ missed",
        "● found",
        "Asked before (not used)",
    ):
        assert part in html, part


def test_partial_run_is_marked_at_the_top_of_every_form() -> None:
    rows = (row("A", ("2401.00001",)),)
    run = run_of(*rows, questions=9)
    html, markdown = report_to_html(summarize(run), rows), report_to_markdown(summarize(run), rows)
    assert "<title>Evaluation (partial)</title>" in html
    assert "<h1>Evaluation (partial)</h1>" in html
    assert markdown.startswith("# Evaluation (PARTIAL)\n")
    assert "1 of 9 questions were answered" in html
    assert "1 of 9 questions were answered" in markdown


def test_run_without_any_answer_still_has_a_page() -> None:
    assert "not asked" in page(questions=3)
    assert "failed" in page(row("A", (), error="The endpoint broke off."))


def test_markdown_keeps_a_question_in_its_cell() -> None:
    markdown = report_to_markdown(summarize(run_of(evil_row())), (evil_row(),))
    assert '\\<script\\>alert("x")\\</script\\> & \\| more' in markdown
    assert "| ndcg@10 | " in markdown


def test_three_files_are_written(tmp_path: Path) -> None:
    write_report(run_of(row("A", ("2401.00001",), total_ms=1.0)), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json", "report.md"]


def test_interval_plot_draws_a_dot_a_row() -> None:
    svg = interval_plot([("all", Interval(0.5, 0.25, 0.75, 8)), ("<set>", Interval(1.0, 1.0, 1.0, 2))], "plot")
    assert svg.count("<circle") == 2
    assert "&lt;set&gt;" in svg
    assert 'cx="234.0"' in svg  # half of the 228 pixels beyond the labels' 120


@pytest.mark.parametrize("values", [[0.0], [5.0], [1.0, 2.0, 3000.0], [0.2, 0.3]])
def test_histogram_counts_every_value(values: list[float]) -> None:
    svg = histogram(values, "latency", "ms")
    assert sum(int(count) for count in re.findall(r": (\d+)</title>", svg)) == len(values)


def test_curve_starts_left_and_ends_right() -> None:
    svg = curve_plot([Line([(1.0, 0.0), (50.0, 1.0)], "whole")], [(1.0, 0.0, 0.5), (50.0, 0.5, 1.0)], "recall")
    assert '<polyline class="curve whole" points="34.0,218.0 426.0,10.0"/>' in svg
    assert svg.count("<polygon") == 1


def test_reliability_of_a_calibrated_probability_lies_on_the_diagonal() -> None:
    svg = reliability_plot([(0.0, 0.0, 1), (0.5, 0.5, 10), (1.0, 0.25, 100)], "calibration")
    (x0, y0), (x1, y1), (x2, y2) = (map(float, each) for each in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg))
    assert x0 + y0 == x1 + y1
    assert x2 + y2 > x1 + y1  # fewer are right than was said: below the diagonal
    assert standalone(svg).startswith("<svg xmlns=") and "<title>100</title>" in svg
