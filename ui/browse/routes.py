"""The pieces of HTML that the Browse tab's script asks for: a paper's card, and further rows of the list."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from rag.errors import CitedeskError
from ui.browse import page
from ui.browse.catalogue import Catalogue, catalogue
from ui.browse.facets import selection_from_query
from ui.browse.render import notice_to_html
from ui.engine_holder import EngineHolder

_ELEMENT = re.compile(r"[a-z][a-z0-9-]{0,40}")
_PLACE = re.compile(r"[0-9]{1,7}")
_GONE = "There is no such paper any more. Load the page anew to see what the collection holds."


def browse_routes(holder: EngineHolder) -> list[Route]:
    """Give the routes `/browse/papers` and `/browse/paper/{paper_id}`, ids with slashes included."""

    def answering(handler: Callable[[Request, Catalogue], HTMLResponse]) -> Callable[[Request], HTMLResponse]:
        def endpoint(request: Request) -> HTMLResponse:  # not async: a catalogue takes seconds to make
            try:
                return handler(request, catalogue(holder.engine(timeout=0).library))
            except CitedeskError as error:
                return _html(notice_to_html(str(error), "error"), 503)

        return endpoint

    return [
        Route("/browse/papers", answering(_papers)),
        Route("/browse/paper/{paper_id:path}", answering(_paper)),
    ]


def _papers(request: Request, shown: Catalogue) -> HTMLResponse:
    start = request.query_params.get("from", "0")
    selection = selection_from_query(request.url.query)
    return _html(page.page(shown, selection, int(start) if _PLACE.fullmatch(start) else 0).results)


def _paper(request: Request, shown: Catalogue) -> HTMLResponse:
    element_id = request.query_params.get("as", "")
    if not _ELEMENT.fullmatch(element_id):
        element_id = "browse-paper"
    found = page.paper(shown, request.path_params["paper_id"], element_id)
    return _html(notice_to_html(_GONE, "error"), 404) if found is None else _html(found)


def _html(content: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(content, status, headers={"Cache-Control": "no-cache"})
