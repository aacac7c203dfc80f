"""All that is served under one address: the page, its files, and what it asks for besides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from rag.errors import CitedeskError
from rag.settings import Settings
from ui.desk import Desk
from ui.door import Door
from ui.examples import example_questions
from ui.measure import report_route
from ui.render.page import examples_to_html

_STATIC = Path(__file__).parent / "static"


def make_site(settings: Settings, report: Path | None = None) -> Starlette:
    """Put the site together; it loads its index, models and chat once it is started."""
    desk = Desk(settings)
    door = Door(lambda: _load_chat(desk, report))

    @asynccontextmanager
    async def lifespan(site: Starlette) -> AsyncIterator[None]:
        desk.start()
        async with door.opening():
            yield
        desk.close()

    async def status(request: Request) -> JSONResponse:
        """Say what the page shows of the site's state."""
        state = desk.status
        return JSONResponse(
            {
                "open": door.is_open,
                "ready": state.ready,
                "message": door.failure or state.message,
                "papers": state.papers,
                "generation": state.generation,
            },
            headers={"Cache-Control": "no-store"},
        )

    def examples(request: Request) -> HTMLResponse:
        """Offer questions that the collection can answer."""
        try:
            papers = desk.engine(timeout=0).library.papers
        except CitedeskError:
            return HTMLResponse("", 503)
        return HTMLResponse(examples_to_html(example_questions(papers.values()), len(papers)))

    routes = [
        Mount("/page/static", StaticFiles(directory=_STATIC)),
        Route("/page/status", status),
        Route("/page/examples", examples),
        report_route(settings.home, report),
        Mount("/", door),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _load_chat(desk: Desk, report: Path | None) -> Starlette:
    from ui.app import make_chat  # 3 s of imports

    return make_chat(desk, report)
