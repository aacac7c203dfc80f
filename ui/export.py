"""The route that makes files of papers which a page has chosen, by their ids."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rag.answer import Citation
from rag.errors import CitedeskError
from rag.generation.export import EXPORT_FORMS
from rag.render.document import write_papers
from rag.types import Paper, Quote
from ui.browse.collection import load_collection
from ui.browse.facets import browse_query_from_url
from ui.engine_holder import EngineHolder

_MAX_SIZE = 512 * 1024  # bytes of a request
_SPAN = re.compile(r"([0-9]{1,7})-([0-9]{1,7})")
_BAD = 'Send JSON as {"format": "bibtex", "papers": [{"paper_id": "2407.21018"}]}.'


def export_route(holder: EngineHolder) -> Route:
    """Return the route `/export`: POST {format, title, papers: [{paper_id, n, quotes}]} for the text of a file.

    `quotes` are spans of the abstract as in "33-70 80-95". Papers that are not in the collection are left out. In place
    of `papers`, `query` is what the Browse tab shows.
    """

    async def export(request: Request) -> PlainTextResponse:
        try:
            library = holder.engine(timeout=0).library
            body = await request.body()
            asked = json.loads(body) if len(body) <= _MAX_SIZE else None
            if not isinstance(asked, dict) or asked.get("format") not in EXPORT_FORMS:
                return PlainTextResponse(_BAD, 400)
            if "query" in asked:
                query = browse_query_from_url(str(asked["query"]))
                found = (await asyncio.to_thread(load_collection, library)).select(query)[0]
                chosen = tuple(Citation(None, paper) for paper in found)
            else:
                chosen = citations(asked.get("papers"), library.papers)
            return PlainTextResponse(write_papers(asked["format"], chosen, str(asked.get("title") or "Papers")))
        except CitedeskError as error:
            return PlainTextResponse(str(error), 503)
        except ValueError:
            return PlainTextResponse(_BAD, 400)

    return Route("/export", export, methods=["POST"])


def citations(asked: Any, papers: Mapping[str, Paper]) -> tuple[Citation, ...]:
    """Return the citations that a page asks for, each paper once; what is not in the collection is left out."""
    known: dict[str, Citation] = {}
    for each in asked if isinstance(asked, list) else []:
        paper = papers.get(str(each.get("paper_id"))) if isinstance(each, dict) else None
        if paper and paper.paper_id not in known:
            n = each.get("n")
            known[paper.paper_id] = Citation(
                n if isinstance(n, int) else None, paper, quotes_at(str(each.get("quotes") or ""), paper)
            )
    return tuple(known.values())


def quotes_at(spans: str, paper: Paper) -> tuple[Quote, ...]:
    """Return the quotes at spans of the abstract, as in "33-70 80-95"."""
    bounds = [(int(start), int(end)) for start, end in _SPAN.findall(spans)]
    inside = [(start, end) for start, end in bounds if start < end <= len(paper.abstract)]
    return tuple(Quote(paper.abstract[start:end], start, end) for start, end in inside)
