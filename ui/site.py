"""All that is served under one address: the page, its files, and what it asks for besides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from rag.settings import Settings
from ui.desk import Desk
from ui.door import Door

_STATIC = Path(__file__).parent / "static"


def make_site(settings: Settings, report: Path | None = None) -> Starlette:
    """Put the site together; it loads its index, models and chat once it is started."""
    desk = Desk(settings)
    door = Door(lambda: _load_chat(desk))

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

    routes = [Mount("/page/static", StaticFiles(directory=_STATIC)), Route("/page/status", status), Mount("/", door)]
    return Starlette(routes=routes, lifespan=lifespan)


def _load_chat(desk: Desk) -> Starlette:
    from ui.app import make_chat  # 3 s of imports

    return make_chat(desk)
