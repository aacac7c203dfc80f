"""All that is served under one address: the page, its files, and what it asks for besides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from rag.errors import CitedeskError
from rag.settings import Settings
from ui.api.routes import api_routes
from ui.browse.collection import load_collection
from ui.browse.routes import browse_routes
from ui.desk import IMPORTING, Desk
from ui.html.chat_page import examples_to_html
from ui.last_evaluation import report_route
from ui.lazy_app import LazyApp
from ui.login.access import Access
from ui.login.guard import Guard
from ui.pages import PageHeaders
from ui.suggestions import example_questions

if TYPE_CHECKING:
    from ui.mcp_server import McpApp

_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered, and to whom: `endpoints` lets a session name an endpoint of its own, `mcp` serves MCP too.

    `report` is the folder of the evaluation to show, None for the last one.
    """

    access: Access = Access()
    endpoints: bool = True
    mcp: bool = False
    report: Path | None = None


def make_site(settings: Settings, offer: Offer = Offer()) -> Guard:
    """Put the site together; it loads its index, models and chat once it is started.

    Raises UsageError where MCP is offered and its extra is not installed.
    """
    desk = Desk(settings)
    door = LazyApp(lambda: _load_chat(desk, offer))
    mcp = _mcp(desk, offer)

    @asynccontextmanager
    async def lifespan(site: Starlette) -> AsyncIterator[None]:
        desk.start()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, desk.close)  # it waits for what is being loaded
            for each in mcp:
                await stack.enter_async_context(each.lifespan())
            await stack.enter_async_context(door.opening())
            yield

    routes = [
        Mount("/page", routes=_page_routes(desk, door, offer)),
        *api_routes(desk),
        *(route for each in mcp for route in each.routes),
        Mount("/", door),
    ]
    return Guard(PageHeaders(Starlette(routes=routes, lifespan=lifespan)), offer.access)


def _page_routes(desk: Desk, door: LazyApp, offer: Offer) -> list[BaseRoute]:
    """Serve what the page asks for besides Gradio's own."""
    started = uuid4().hex

    async def status(request: Request) -> JSONResponse:
        state = desk.status
        shown = {"open": door.is_open, "ready": state.ready, "message": door.failure or state.message}
        user = request.scope.get("state", {}).get("user") if offer.access.users else None
        return JSONResponse(
            {**shown, "started": started, "papers": state.papers, "user": user}, headers={"Cache-Control": "no-store"}
        )

    def examples(request: Request) -> HTMLResponse:
        try:
            library = desk.engine(timeout=0).library
        except CitedeskError:
            return HTMLResponse("", 503)
        topics = [topic.name for topic in load_collection(library).atlas.topics]
        questions = example_questions(library.papers.values(), topics)
        return HTMLResponse(examples_to_html(questions, len(library.papers)))

    return [
        Mount("/static", StaticFiles(directory=_STATIC)),
        Route("/status", status),
        Route("/examples", examples),
        *browse_routes(desk),
        report_route(desk.settings.home, offer.report),
    ]


def _mcp(desk: Desk, offer: Offer) -> tuple[McpApp, ...]:
    if not offer.mcp:
        return ()
    from ui.mcp_server import mcp_app  # of an extra

    return (mcp_app(desk, offer.access.hosts),)


def _load_chat(desk: Desk, offer: Offer) -> Starlette:
    with IMPORTING:
        from ui.app import make_chat  # 3 s of imports

    return make_chat(desk, offer.report, offer.endpoints)
