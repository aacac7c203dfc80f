"""HTML from the templates, and the headers that pages go out with: what a browser may load, run and be framed by."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.render.html import environment, style

_STYLE_HASH = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
HEADERS = {
    "content-security-policy": f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""The headers of pages that extend `page.html`: no script runs, and no style but their own applies."""
# Gradio 6.31 has inline scripts and styles, and its HTML component makes functions of text ('unsafe-eval') to fill a
# template and to run `js_on_load`, so the policy bounds what they may load and call.
_CHAT_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Of responses that are no pages."""


def html(template: str, **values: Any) -> str:
    """Return a template of `ui/templates` with values put in, escaped."""
    return environment("ui").get_template(template).render(values)


def page_response(template: str, status: int = 200, headers: Mapping[str, str] = {}, **values: Any) -> HTMLResponse:
    """Return a template that is a whole page as a response."""
    return HTMLResponse(html(template, **values), status, {**HEADERS, **headers})


class PageHeaders:
    """ASGI middleware that adds headers to responses without stricter ones of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                if scope["path"].startswith("/page/static/"):
                    headers.setdefault("Cache-Control", "no-cache")  # scripts that are older than the page break it
                is_page = headers.get("content-type", "").startswith("text/html")
                headers.setdefault("Content-Security-Policy", _CHAT_POLICY if is_page else _DATA_POLICY)
            await send(message)

        await self._app(scope, receive, with_headers)
