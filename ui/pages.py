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
from ui.login.access import site_path

_STYLE_HASH = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
HEADERS = {
    "content-security-policy": f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""The headers of pages that extend `page.html`: no script runs, and no style but their own applies."""
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Of responses that are no pages of their own."""


def chat_policy(nonce: str | None = None) -> str:
    """Return the content security policy of the chat's page, whose inline scripts have the nonce.

    Gradio 6.31 has inline styles, and its HTML component makes functions of text ('unsafe-eval') to fill a template and
    to run `js_on_load`. Without a nonce no script runs but the site's files.
    """
    scripts = f"'nonce-{nonce}' 'unsafe-eval'" if nonce else ""
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )


def html(template: str, **values: Any) -> str:
    """Return a template of `ui/templates` with values put in, escaped."""
    return environment("ui").get_template(template).render(values)


def page_response(template: str, status: int = 200, headers: Mapping[str, str] = {}, **values: Any) -> HTMLResponse:
    """Return a template that is a whole page as a response."""
    return HTMLResponse(html(template, **values), status, {**HEADERS, **headers})


def _caching(path: str, status: int) -> str:
    if path.startswith("/page/static/"):
        return "no-cache"  # scripts that are older than the page break it
    is_gradios = path.startswith(("/assets/", "/static/", "/theme.css")) and status in (200, 304)
    return "private, max-age=86400" if is_gradios else "no-store"


class PageHeaders:
    """ASGI middleware that adds headers to responses without stricter ones of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        path = site_path(scope) if scope["type"] == "http" else ""  # now, as routers change the root path

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("Cache-Control", _caching(path, message["status"]))
                headers.setdefault("Content-Security-Policy", _DATA_POLICY)
            await send(message)

        await self._app(scope, receive, with_headers)
