"""What a proxy before the server changes in requests: the path below which the site lies, the host and the scheme."""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import UsageError
from ui.login.access import Access
from ui.pages import HEADERS

_FORWARDED = ("x-forwarded-host", "x-forwarded-proto")
_BELIEVED_BY_GRADIO = (*_FORWARDED, "x-gradio-server")  # Gradio 6.31 takes its address from them, whoever sent them


class BehindProxy:
    """ASGI middleware that restores what the client asked for, as far as trusted proxies say.

    `root_path` is the path below which the proxy serves the site, as in "/papers", "" for none. The proxy may pass
    paths on with it or without.
    """

    def __init__(self, app: ASGIApp, access: Access, root_path: str = "") -> None:
        self._app = app
        self._access = access
        self._root = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or redirect one for the root path itself to the page below it."""
        if scope["type"] in ("http", "websocket"):
            if self._root and scope["path"] == self._root:
                await RedirectResponse(f"{self._root}/", 308, HEADERS)(scope, receive, send)
                return
            scope = self._below_root(self._believed(scope))
        await self._app(scope, receive, send)

    def _believed(self, scope: Scope) -> Scope:
        """Set the scheme, and leave of the headers that name host and scheme only what trusted proxies say."""
        request = HTTPConnection(scope)
        forwarded = {name: self._access.forwarded(request, name) for name in _FORWARDED}
        scope = {**scope, "headers": list(scope["headers"])}
        headers = MutableHeaders(scope=scope)
        for name in _BELIEVED_BY_GRADIO:
            del headers[name]
            if value := forwarded.get(name):
                headers[name] = value
        if scope["type"] == "http" and forwarded["x-forwarded-proto"] in ("http", "https"):
            scope["scheme"] = forwarded["x-forwarded-proto"]
        return scope

    def _below_root(self, scope: Scope) -> Scope:
        if not self._root or scope["path"].startswith(f"{self._root}/"):
            return {**scope, "root_path": self._root}
        return {**scope, "root_path": self._root, "path": self._root + scope["path"]}


def parse_root_path(text: str) -> str:
    """Return a root path without its last slash, "" for the root itself; raises UsageError for what is no path."""
    if not re.fullmatch(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?", text):
        raise UsageError(f"--root-path {text!r} is not a path. Give one that begins with a slash, as in /papers.")
    return text.rstrip("/")
