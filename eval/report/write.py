"""Writes a run's report beside its rows."""

from __future__ import annotations

from pathlib import Path

from eval.report.html_report import report_to_html
from eval.report.markdown_report import report_to_markdown
from eval.runs.folder import Run, to_json
from eval.runs.summary import Summary, summarize, summary_to_json
from rag.corpus.files import write_atomic


def write_report(run: Run, folder: Path) -> Summary:
    """Write report.html, report.md and report.json, and return what they summarize."""
    summary = summarize(run)
    write_atomic(folder / "report.html", report_to_html(summary, run.rows))
    write_atomic(folder / "report.md", report_to_markdown(summary, run.rows))
    write_atomic(folder / "report.json", to_json(summary_to_json(summary, run.rows)))
    return summary
