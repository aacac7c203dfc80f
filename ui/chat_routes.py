"""ASGI middleware that lets through the requests of Gradio 6.31 that the chat's page makes, and no others.

Gradio also serves uploads, files of the machine, a proxy, its configuration and descriptions of an API, which nothing
here uses.
"""

from __future__ import annotations

import re

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from ui.login.access import site_path

_READ = frozenset(("GET", "HEAD"))
_ROUTES = (
    (_READ, re.compile(r"/|/(?:assets|static)/.+|/(?:theme\.css|favicon\.ico|manifest\.json|robots\.txt)")),
    (_READ, re.compile(r"/gradio_api/(?:queue/data|app_id|heartbeat/\w{1,40})")),  # a heartbeat's end frees a session
    (frozenset(("POST",)), re.compile(r"/gradio_api/(?:queue/join|cancel|reset|run/[\w-]{1,80})")),
)


class ChatRoutes:
    """Answers 404, or 405 for a wrong method, to what the page does not ask for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        await (self.refusal(scope) or self._app)(scope, receive, send)

    @staticmethod
    def refusal(scope: Scope) -> ASGIApp | None:
        """Return the response that refuses a request, None for one that may pass."""
        if scope["type"] == "websocket":
            return WebSocketClose(1008, "nothing here speaks WebSocket")
        if scope["type"] != "http":
            return None
        path = site_path(scope)
        allowed = frozenset(method for methods, route in _ROUTES if route.fullmatch(path) for method in methods)
        if not allowed:
            return JSONResponse({"error": "There is nothing here."}, 404, {"cache-control": "no-store"})
        if scope["method"] not in allowed:
            names = ", ".join(sorted(allowed))
            return JSONResponse({"error": f"Use {names} here."}, 405, {"allow": names, "cache-control": "no-store"})
        return None
