"""Everything that is served under one address: the page, its files, the HTTP API and MCP."""

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
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.settings import Settings
from ui.behind_proxy import BehindProxy
from ui.browse.routes import browse_routes
from ui.chat_routes import ChatRoutes
from ui.engine_holder import IMPORT_LOCK, EngineHolder, SessionEndpoints
from ui.export import export_route
from ui.first_paint import ExampleQuestions, FirstPaint
from ui.html.chat_page import chat_head, first_paint
from ui.last_evaluation import report_route
from ui.lazy_app import LazyApp
from ui.login.access import Access
from ui.login.guard import Guard
from ui.monitoring.monitor import Monitor, MonitoredRequests
from ui.monitoring.requests import METRICS, PROBES
from ui.pages import PageHeaders
from ui.request_body import BodyLimits

if TYPE_CHECKING:
    from ui.mcp_server import McpApp

_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """What is served, and to whom.

    `endpoints` says which endpoints of its own a session may name, `mcp` serves MCP too, `report` is the folder of the
    evaluation to show, None for the last one, `drafts` lets a session edit the drafted gold questions,
    `open_metrics` shows the metrics to whoever asks for them, and `root_path` is where a proxy serves the site.
    """

    access: Access = Access()
    endpoints: SessionEndpoints = "any"
    mcp: bool = False
    report: Path | None = None
    drafts: bool = True
    open_metrics: bool = False
    root_path: str = ""


def make_site(settings: Settings, options: SiteOptions = SiteOptions()) -> BehindProxy:
    """Return the application, which loads its index, models, API and chat once it is started.

    Raises UsageError where MCP is asked for and its extra is not installed.
    """
    holder = EngineHolder(settings)
    monitor = Monitor(holder)
    api = _LazyApi(holder)
    examples = ExampleQuestions(holder)
    chat = LazyApp(lambda: _with_first_paint(_load_chat(holder, options, monitor), examples))
    mcp = _mcp(holder, options)

    @asynccontextmanager
    async def lifespan(site: Starlette) -> AsyncIterator[None]:
        api.load()
        holder.start()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.to_thread, holder.close)  # it waits for what is being loaded
            for each in mcp:
                await stack.enter_async_context(each.lifespan())
            await stack.enter_async_context(chat.opening())
            yield

    routes = [
        *monitor.routes(),
        Mount("/page", routes=_page_routes(holder, chat, options, examples)),
        Route("/api/{path:path}", api),
        *(route for each in mcp for route in each.routes),
        Mount("/", ChatRoutes(chat)),
    ]
    site = Starlette(routes=routes, lifespan=lifespan)
    public = {*PROBES, METRICS} if options.open_metrics else {*PROBES}
    guarded = PageHeaders(BodyLimits(Guard(site, options.access, public)))
    return BehindProxy(MonitoredRequests(guarded, monitor, options.access), options.access, options.root_path)


class _LazyApi:
    """The HTTP API, imported on a thread behind the first page; requests wait for it."""

    def __init__(self, holder: EngineHolder) -> None:
        self._holder = holder
        self._loading: asyncio.Future[ASGIApp] | None = None

    def load(self) -> asyncio.Future[ASGIApp]:
        """Begin to load it, once."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(asyncio.to_thread(_load_api, self._holder))
        return self._loading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        api = await asyncio.shield(self.load())
        await api(scope, receive, send)


def _page_routes(
    holder: EngineHolder, chat: LazyApp, options: SiteOptions, examples: ExampleQuestions
) -> list[BaseRoute]:
    """Return the routes that the page asks for besides Gradio's own."""
    started = uuid4().hex

    async def status(request: Request) -> JSONResponse:
        state = holder.status
        examples.html()  # they are made as soon as there is an index
        shown = {"open": chat.is_open, "ready": state.ready, "message": chat.failure or state.message}
        user = request.scope.get("state", {}).get("user") if options.access.users else None
        return JSONResponse(
            {**shown, "started": started, "papers": state.papers, "user": user}, headers={"Cache-Control": "no-store"}
        )

    def examples_html(request: Request) -> HTMLResponse:
        html = examples.html()
        return HTMLResponse(html, 200 if html else 204)

    return [
        Mount("/static", StaticFiles(directory=_STATIC)),
        Route("/status", status),
        Route("/examples", examples_html),
        export_route(holder),
        *browse_routes(holder),
        report_route(holder.settings.home, options.report),
    ]


def _mcp(holder: EngineHolder, options: SiteOptions) -> tuple[McpApp, ...]:
    if not options.mcp:
        return ()
    from ui.mcp_server import mcp_app  # of an extra

    return (mcp_app(holder, options.access.hosts),)


def _load_api(holder: EngineHolder) -> ASGIApp:
    with IMPORT_LOCK:
        from ui.api.app import make_api  # 0.3 s of imports

        return make_api(holder)


def _load_chat(holder: EngineHolder, options: SiteOptions, monitor: Monitor) -> Starlette:
    with IMPORT_LOCK:
        from ui.app import make_chat  # 3 s of imports

    return make_chat(holder, monitor, options.report, options.endpoints, options.drafts)


def _with_first_paint(chat: Starlette, examples: ExampleQuestions) -> Starlette:
    chat.add_middleware(FirstPaint, head=chat_head(), content=lambda: first_paint(examples.html()))
    return chat
