"""An ASGI app that is loaded in the background; until then it answers with a page that already accepts a question."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from ui.html.chat_page import waiting_page
from ui.login.access import site_path
from ui.pages import chat_policy

logger = logging.getLogger(__name__)


class LazyApp:
    """Passes every request to an application as soon as that is loaded; importing Gradio takes 3 s."""

    def __init__(self, load: Callable[[], Starlette]) -> None:
        self._load = load
        self._app: Starlette | None = None
        self._closing = asyncio.Event()
        self.failure: str | None = None

    @property
    def is_open(self) -> bool:
        """Return whether the application is running."""
        return self._app is not None

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[None]:
        """Load the application and keep it running until the context ends."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._closing.set()
            await task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request to the application."""
        app = self._app or self._waiting(scope)
        await app(scope, receive, send)

    async def _run(self) -> None:
        try:
            app = await asyncio.to_thread(self._load)
            async with app.router.lifespan_context(app):
                self._app = app
                await self._closing.wait()
                self._app = None
        except Exception as error:  # the waiting page shows it, and the rest of the site keeps working
            logger.exception("chat=failed")
            self.failure = f"The chat cannot be loaded ({type(error).__name__}: {error}). Run `citedesk doctor`."

    def _waiting(self, scope: Scope) -> Response:
        if site_path(scope) == "/":
            headers = {"Cache-Control": "no-store", "Content-Security-Policy": chat_policy()}
            return HTMLResponse(waiting_page(), headers=headers)
        return PlainTextResponse("The chat is still loading.", 503, {"Retry-After": "1"})
