"""Tells browsers what the site's pages may do: ask this host alone, and be framed by nobody else."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "Content-Security-Policy"
# Gradio 6.31 needs its inline scripts and styles, so what they may load and call is what is bounded.
_ALLOWED = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


class PageHeaders:
    """ASGI middleware that adds the headers to pages which do not have stricter ones of their own."""

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
                if headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault(_POLICY, _ALLOWED)
            await send(message)

        await self._app(scope, receive, with_headers)
