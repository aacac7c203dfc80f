"""The record of one request: what the log and the metrics get of it, never the question's text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4

from rag.errors import CitedeskError, UsageError

CLIENT_GONE = 499
"""The status of a request whose client closed the connection before the response began, as nginx numbers it."""

CHAT = "chat"
"""The route of a question in the chat, which Gradio runs after the HTTP request that brought it."""

PROBES = ("/healthz", "/readyz")
METRICS = "/metrics"
_ROUTES = (
    *PROBES,
    METRICS,
    "/login",
    "/logout",
    "/mcp",
    "/api/search",
    "/api/ask",
    "/api/papers",
    "/api/export",
    "/api/status",
    "/api/feedback",
    "/api/openapi.json",
    "/api/docs",
    "/page/status",
    "/page/static",
    "/page",
    "/gradio_api/queue",
    "/gradio_api",
    "/assets",
    "/static",
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class RequestRecord:
    """A request in progress; `timings_ms` are the wall-clock milliseconds of its question's steps, if it asked one."""

    route: str
    method: str
    request_id: str
    user: str | None = None
    status: int = CLIENT_GONE
    timings_ms: Mapping[str, float] = field(default_factory=dict)


CURRENT: ContextVar[RequestRecord | None] = ContextVar("citedesk_request", default=None)
"""The record of the HTTP request that runs in this context, None outside of one."""


def note_timings(timings_ms: Mapping[str, float]) -> None:
    """Put the timings of a question into the record of the request that asked it, if there is one."""
    if record := CURRENT.get():
        record.timings_ms = timings_ms


def note_failure(error: CitedeskError) -> None:
    """Put the status of a failure into the record of the request whose response is a stream, with the status 200."""
    if record := CURRENT.get():
        record.status = failure_status(error)


def failure_status(error: CitedeskError) -> int:
    """Return the HTTP status that a failure has."""
    return 400 if isinstance(error, UsageError) else 503


def route_of(path: str) -> str:
    """Return the name of a path's route, one of a fixed set: a path may hold what somebody asked for."""
    if path == "/":
        return path
    return next((route for route in _ROUTES if path == route or path.startswith(f"{route}/")), "other")


def request_id(given: str | None) -> str:
    """Return the id that a proxy has given a request, or a fresh one where it gave none or an odd one."""
    return given if given and _REQUEST_ID.fullmatch(given) else uuid4().hex
