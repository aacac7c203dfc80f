"""The Measure tab: what the last evaluation found, in words for those who did not run it, and its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from eval.runs.folder import last_folder
from ui.pages import html

# The report quotes questions and answers: nothing in it may run.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
_COMMAND = "citedesk eval run --gold eval/gold/dev.jsonl --no-llm --out runs/today"
_SENTENCES = {
    "success@1": "the first paper found was one that belongs",
    "recall@20": "of the papers that belong, this share was among the first 20 found",
    "cited_precision": "of the papers cited, this share belongs to the answer",
    "cited_recall": "of the papers that belong, this share was cited",
    "quotes_verbatim": "of the quotes shown, this share stands word for word in its abstract",
    "rightly_refused": "of the questions that the collection cannot answer, this share was refused",
    "wrongly_refused": "of the questions that it can answer, this share was refused, which is wrong",
    "sentences_supported": "of the sentences that a model wrote, this share was found supported",
}


def evaluation_to_html(home: Path, named: Path | None) -> str:
    """Return what a report found, and the report: that in the folder `named`, or the last one of the index's home."""
    folder = _folder(home, named)
    if not (summary := _read(folder) if folder else None):
        return html("evaluation.html", measured=False, folder=named.name if named else None, command=_COMMAND)
    run, measures = summary.get("run", {}), summary.get("measures", {}).get("overall", {})
    return html(
        "evaluation.html",
        measured=True,
        answered=summary.get("answered", 0),
        papers=run.get("papers", 0),
        day=str(run.get("started", ""))[:10],
        mode=run.get("mode", ""),
        figures=[_figure(measures[name], meaning) for name, meaning in _SENTENCES.items() if name in measures],
    )


def report_route(home: Path, named: Path | None) -> Route:
    """Return the route of the report itself."""

    def report(request: Request) -> Response:
        folder = _folder(home, named)
        try:
            page = (folder / "report.html").read_text(encoding="utf-8") if folder else None
        except (OSError, UnicodeDecodeError):
            page = None
        if page is None:
            return PlainTextResponse("There is no report.", 404)
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    return Route("/report", report)


def _folder(home: Path, named: Path | None) -> Path | None:
    if named:
        return named if (named / "report.html").is_file() else None
    return last_folder(home)


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        summary = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None


def _figure(measure: Mapping[str, Any], meaning: str) -> dict[str, Any]:
    bounded = measure.get("low") is not None and measure.get("high") is not None
    interval = f" [{_percent(measure['low'])}–{_percent(measure['high'])}]" if bounded else ""
    return {"mean": _percent(measure.get("mean")), "interval": interval, "meaning": meaning, "n": measure.get("n", 0)}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}"
