"""The routes under /api: each reads a request, asks the desk, and replies in JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.api.asked import ask_from_json, json_body, search_from_query
from ui.api.asking import Answers
from ui.api.openapi import docs_page, openapi
from ui.api.replies import boundary, read_body, reply
from ui.api.streams import EventStream, until_gone
from ui.desk import Desk
from ui.feedback import append_feedback
from ui.pages import HEADERS

_MOST_ASKED = 256 * 1024  # bytes of a question with its history
_MOST_FEEDBACK = 64 * 1024
_GONE = Response(status_code=400)  # nobody reads it


def api_routes(desk: Desk, patience: float = 30.0) -> list[BaseRoute]:
    """Give the routes of the API; a request waits `patience` seconds for the models before it is told to come back."""
    return [Mount("/api", routes=_Api(desk, patience).routes(), name="api")]


class _Api:
    def __init__(self, desk: Desk, patience: float) -> None:
        self._answers = Answers(desk, patience)
        self._home = desk.settings.home

    def routes(self) -> list[Route]:
        """List the routes; those at the end answer what no other does."""
        known: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("/search", "GET", self.search),
            ("/ask", "POST", self.ask),
            ("/papers/{paper_id:path}", "GET", self.paper),
            ("/status", "GET", self.status),
            ("/feedback", "POST", self.feedback),
            ("/openapi.json", "GET", self.openapi),
            ("/docs", "GET", self.docs),
        )
        routes = [Route(path, endpoint, methods=[method]) for path, method, endpoint in known]
        others = [Route(path, _Refused(405, f"Use {method} here.", method)) for path, method, _ in known]
        return [*routes, *others, Route("/{path:path}", _Refused(404, "There is nothing here. See /api/docs."))]

    @boundary
    async def search(self, request: Request) -> ASGIApp:
        asked = search_from_query(request.query_params.multi_items())
        found = await until_gone(request.receive, self._answers.search(asked))
        return _GONE if found is None else reply(found)

    @boundary
    async def ask(self, request: Request) -> ASGIApp:
        asked = ask_from_json(json_body(await read_body(request, _MOST_ASKED)))
        if asked.stream or "text/event-stream" in request.headers.get("accept", ""):
            await self._answers.ready()
            return EventStream(partial(self._answers.events, asked))
        answer = await until_gone(request.receive, self._answers.ask(asked))
        return _GONE if answer is None else reply(answer)

    @boundary
    async def paper(self, request: Request) -> ASGIApp:
        return reply(await self._answers.paper(request.path_params["paper_id"]))

    @boundary
    async def status(self, request: Request) -> ASGIApp:
        return reply(self._answers.status())

    @boundary
    async def feedback(self, request: Request) -> ASGIApp:
        value = json_body(await read_body(request, _MOST_FEEDBACK))
        user = getattr(request.state, "user", None)
        await anyio.to_thread.run_sync(append_feedback, self._home, value, user, datetime.now(UTC))
        return reply({"kept": True}, 201)

    @boundary
    async def openapi(self, request: Request) -> ASGIApp:
        return reply(openapi())

    @boundary
    async def docs(self, request: Request) -> ASGIApp:
        return HTMLResponse(docs_page(openapi()), headers=HEADERS)


class _Refused:
    """Answers any method."""

    def __init__(self, status: int, said: str, allow: str | None = None) -> None:
        self._status = status
        self._said = said
        self._headers = {"allow": allow} if allow else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await reply({"error": self._said}, self._status, self._headers)(scope, receive, send)
