"""Routes of the HTML that the Browse tab's script fetches: a paper's card, and further rows of the list."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from rag.errors import CitedeskError
from ui.browse.collection import Collection, load_collection
from ui.browse.facets import browse_query_from_url
from ui.browse.results import find_papers, notice_to_html, paper_to_html
from ui.engine_holder import EngineHolder

_ELEMENT = re.compile(r"[a-z][a-z0-9-]{0,40}")
_NUMBER = re.compile(r"[0-9]{1,7}")
_GONE = "There is no such paper any more. Reload the page to see what the collection holds."


def browse_routes(holder: EngineHolder) -> list[Route]:
    """Return the routes `/browse/papers` and `/browse/paper/{paper_id}`; ids may contain slashes."""

    def answering(handler: Callable[[Request, Collection], HTMLResponse]) -> Callable[[Request], HTMLResponse]:
        def endpoint(request: Request) -> HTMLResponse:  # not async: building the collection takes seconds
            try:
                return handler(request, load_collection(holder.engine(timeout=0).library))
            except CitedeskError as error:
                return _html(notice_to_html(str(error), "error"), 503)

        return endpoint

    return [
        Route("/browse/papers", answering(_papers)),
        Route("/browse/paper/{paper_id:path}", answering(_paper)),
    ]


def _papers(request: Request, shown: Collection) -> HTMLResponse:
    start = request.query_params.get("from", "0")
    query = browse_query_from_url(request.url.query)
    return _html(find_papers(shown, query, int(start) if _NUMBER.fullmatch(start) else 0).html)


def _paper(request: Request, shown: Collection) -> HTMLResponse:
    element_id = request.query_params.get("as", "")
    if not _ELEMENT.fullmatch(element_id):
        element_id = "browse-paper"
    quotes = request.query_params.get("quotes", "")
    found = paper_to_html(shown, request.path_params["paper_id"], element_id, quotes)
    return _html(notice_to_html(_GONE, "error"), 404) if found is None else _html(found)


def _html(content: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(content, status, headers={"Cache-Control": "no-cache"})
