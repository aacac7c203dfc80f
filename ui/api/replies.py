"""How the API replies: JSON, and each failure as {"error": one line} with the status that it deserves."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from rag.errors import CitedeskError, UsageError

_LONGEST_LINE = 500  # characters of an error, which may quote what was sent
_RETRY_AFTER = "5"  # seconds
_log = logging.getLogger(__name__)

Endpoint = Callable[[Any, Request], Awaitable[ASGIApp]]


class TooLarge(UsageError):
    """A body that is longer than what is read."""


class NotThere(CitedeskError):
    """Something that was asked for by its name, and that there is none of."""


def reply(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Send a JSON object."""
    body = json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")
    return Response(body, status, {"cache-control": "no-store", **(headers or {})}, "application/json")


def error_line(error: Exception) -> str:
    """Say in one line, of bounded length, what went wrong."""
    line = " ".join(str(error).split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def refusal(error: CitedeskError) -> Response:
    """Send what went wrong; what may go well later says when to try again."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 503)
    headers = {"retry-after": _RETRY_AFTER} if status == 503 else {}
    return reply({"error": error_line(error)}, status, headers)


def boundary(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint answer its failures as JSON, and none with a traceback."""

    @wraps(endpoint)
    async def guarded(self: Any, request: Request) -> ASGIApp:
        try:
            return await endpoint(self, request)
        except CitedeskError as error:
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception:  # the boundary: the log has the rest
            _log.exception("request=failed")
            return reply({"error": "Something went wrong here. The server's log says what."}, 500)

    return guarded


async def read_body(request: Request, most: int) -> bytes:
    """Read a body of so many bytes at most; raises TooLarge."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise TooLarge(f"The body is longer than {most // 1024} KB.")
    return bytes(body)


_STATUSES: tuple[tuple[type[CitedeskError], int], ...] = ((TooLarge, 413), (UsageError, 400), (NotThere, 404))
