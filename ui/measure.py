"""The last evaluation's report, with what it says in plain words before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from eval.runs.folder import last_folder
from ui.render.measure import measured_to_html, unmeasured_to_html

# The report is a page of its own, made from the gold questions and the answers: nothing in it may run.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"


def words(home: Path, named: Path | None) -> str:
    """Say what the report found, and show it: that in the folder `named`, or the last one of the index's home."""
    folder = _folder(home, named)
    summary = _read(folder) if folder else None
    return measured_to_html(summary) if summary else unmeasured_to_html(named)


def report_route(home: Path, named: Path | None) -> Route:
    """Serve the report itself."""

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
