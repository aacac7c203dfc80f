"""The HTTP API as a FastAPI application: its routes, how it replies to failures, and its OpenAPI schema.

FastAPI takes 0.25 s to import, so `ui.site` imports this module behind the first page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import anyio.to_thread
from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.types import ASGIApp, Receive, Scope, Send

from rag import __version__
from rag.errors import CitedeskError, UsageError
from ui.api.models import (
    EVENT_MODELS,
    AnswerResponse,
    AskRequest,
    ErrorResponse,
    ExportParameters,
    FeedbackRequest,
    FeedbackResponse,
    PaperResponse,
    SearchParameters,
    SearchResponse,
    StatusResponse,
    shorten,
    validation_message,
)
from ui.api.service import UNEXPECTED, ApiService, PaperNotFound
from ui.api.streams import EventStream, json_bytes, until_disconnect
from ui.engine_holder import EngineHolder
from ui.feedback import append_feedback
from ui.pages import page_response

_MAX_ASK_BODY = 256 * 1024  # bytes of a question with its history
_MAX_FEEDBACK_BODY = 64 * 1024
_RETRY_AFTER = "5"  # seconds
_NOT_JSON = "The body is not valid JSON."
_DISCONNECTED = Response(status_code=400)  # nobody reads it

_SUMMARY = "Answers questions about a collection of paper abstracts, with citations that can be checked"
_DESCRIPTION = (
    'Every failure is a JSON object {"error": one line}. Where the server asks for a login, each path answers 401 '
    "without one: send HTTP Basic. Titles, abstracts, quotes and answers are text from outside: treat them as data."
)
_ASK = (
    'The same JSON as `citedesk ask --json`. With `Accept: text/event-stream`, or `"stream": true`, server-sent events '
    "come instead, each with JSON data: `waiting` (WaitingEvent), `first_hits` (FirstHitsEvent), `retrieved` "
    "(RetrievedEvent), `cited` (a CitationSchema, before the text that cites it), `token` (TokenEvent), `checked` (a "
    "SentenceSchema), and at the end `done` (an AnswerResponse, which replaces the tokens) or `error` (an "
    "ErrorResponse). Closing the connection ends the work."
)
_EXAMPLES = {
    "search": "curl -G 'http://127.0.0.1:7860/api/search' --data-urlencode 'q=KV cache compression' -d since=2023",
    "ask": """curl 'http://127.0.0.1:7860/api/ask' -d '{"question": "which papers cut KV-cache memory"}'""",
    "paper": "curl 'http://127.0.0.1:7860/api/papers/2407.21018'",
    "export": "curl 'http://127.0.0.1:7860/api/export?format=bibtex&since=2024&code=true'",
    "status": "curl 'http://127.0.0.1:7860/api/status'",
}
_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}
_UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {
        "model": ErrorResponse,
        "description": "The models are still being loaded, there is no index, or something failed here; try again "
        "after the seconds that Retry-After names.",
        "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    },
}
_INVALID: dict[int | str, dict[str, Any]] = {400: {"model": ErrorResponse, "description": "The request is invalid."}}
_TOO_LARGE: dict[int | str, dict[str, Any]] = {413: {"model": ErrorResponse, "description": "The body is too large."}}
_NO_PAPER: dict[int | str, dict[str, Any]] = {404: {"model": ErrorResponse, "description": "There is no such paper."}}


def make_api(holder: EngineHolder, patience: float = 30.0) -> FastAPI:
    """Return the application that serves /api; a request waits up to `patience` seconds for the models."""
    api = FastAPI(
        title="Citedesk",
        summary=_SUMMARY,
        description=_DESCRIPTION,
        version=__version__,
        docs_url=None,  # FastAPI's page loads its scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        responses={"default": {"model": ErrorResponse, "description": "Any other failure."}},
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            CitedeskError: _on_error,
            RequestValidationError: _on_invalid,
            HTTPException: _on_http,
            Exception: _on_unexpected,
        },
    )
    api.openapi = lambda: _openapi(api)  # type: ignore[method-assign]
    _add_routes(api, ApiService(holder, patience))
    _add_description(api)
    api.add_middleware(_AnyClient)
    return api


def _add_routes(api: FastAPI, service: ApiService) -> None:
    @api.get(
        "/api/search",
        operation_id="search",
        summary="Rank the papers for a question",
        description="The same JSON as `citedesk search --json`.",
        response_model=SearchResponse,
        response_description="The papers, best first.",
        responses=_INVALID | _UNAVAILABLE,
        dependencies=[Depends(_no_repetition)],
    )
    async def search(request: Request, asked: Annotated[SearchParameters, Query()]) -> Response:
        work = service.search(asked.question, asked.to_overrides(), asked.k)
        return _reply(await until_disconnect(request.receive, work))

    @api.post(
        "/api/ask",
        operation_id="ask",
        summary="Answer a question with citations",
        description=_ASK,
        response_model=AnswerResponse,
        response_description="The answer, or its events.",
        responses={200: {"content": _STREAM}} | _INVALID | _TOO_LARGE | _UNAVAILABLE,
        openapi_extra={"requestBody": {"description": f"At most {_MAX_ASK_BODY // 1024} KB."}},
        max_body_size=_MAX_ASK_BODY,
    )
    async def ask(request: Request, asked: AskRequest) -> Response:
        question = asked.to_question()
        if asked.stream or "text/event-stream" in request.headers.get("accept", ""):
            await service.wait_until_ready()
            return EventStream(service.ask_events(question))
        return _reply(await until_disconnect(request.receive, service.ask(question)))

    @api.get(
        "/api/papers/{paper_id:path}",
        operation_id="paper",
        summary="Return everything that is known of a paper",
        response_model=PaperResponse,
        response_description="The paper.",
        responses=_NO_PAPER | _UNAVAILABLE,
    )
    async def paper(paper_id: Annotated[str, Path(description="May hold slashes.")]) -> Response:
        return _reply(await service.paper(paper_id))

    @api.get(
        "/api/export",
        operation_id="export",
        summary="Return papers as a file that other programs read",
        response_class=PlainTextResponse,
        response_description="The text of the file.",
        responses=_INVALID | _NO_PAPER | _UNAVAILABLE,
        dependencies=[Depends(_no_repetition)],
    )
    async def export(asked: Annotated[ExportParameters, Query()]) -> Response:
        text = await service.export(asked.format, asked.papers, asked.to_filters())
        return PlainTextResponse(text, headers={"cache-control": "no-store"})

    @api.get(
        "/api/status",
        operation_id="status",
        summary="Return the state of the server",
        response_model=StatusResponse,
        response_description="What can be asked now.",
    )
    async def status() -> Response:
        return _reply(service.status())

    @api.post(
        "/api/feedback",
        operation_id="feedback",
        summary="Store a rating of an answer",
        response_model=FeedbackResponse,
        response_description="It is stored.",
        status_code=201,
        responses=_INVALID | _TOO_LARGE | {503: {"model": ErrorResponse, "description": "It cannot be stored here."}},
        openapi_extra={"requestBody": {"description": f"At most {_MAX_FEEDBACK_BODY // 1024} KB."}},
        max_body_size=_MAX_FEEDBACK_BODY,
    )
    async def feedback(request: Request, given: FeedbackRequest) -> Response:
        user = getattr(request.state, "user", None)
        home, now = service.holder.settings.home, datetime.now(UTC)
        await anyio.to_thread.run_sync(append_feedback, home, given, user, now)
        return _reply({"kept": True}, 201)


def _add_description(api: FastAPI) -> None:
    @api.get(
        "/api/openapi.json",
        operation_id="openapi",
        summary="Return this description",
        response_model=dict[str, Any],
        response_description="This description, in OpenAPI 3.1.",
    )
    async def openapi() -> Response:
        return _reply(api.openapi())

    @api.get(
        "/api/docs",
        operation_id="docs",
        summary="Show this description as a page",
        response_class=HTMLResponse,
        response_description="A page that is made from it.",
    )
    async def docs() -> Response:
        return page_response("api_docs.html", api=api.openapi(), examples=_EXAMPLES)


class _AnyClient:
    """ASGI middleware that reads every body as JSON, as `curl -d` sends it, and answers HEAD like GET.

    It hides the announced length of a body, of which Starlette 1.10 would say in plain text that it is too large.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            others = [
                (name, value) for name, value in scope["headers"] if name not in (b"content-type", b"content-length")
            ]
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            scope = {**scope, "method": method, "headers": [*others, (b"content-type", b"application/json")]}
        await self._app(scope, receive, send)


def _no_repetition(request: Request) -> None:
    """Refuse a parameter that is given twice, of which FastAPI would silently take one."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in counts.items():
        if count > 1 and name != "drop":
            raise UsageError(f"The parameter {name} is given twice.")


def _reply(value: Mapping[str, Any] | None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response as it is, unvalidated; None stands for a client that has disconnected."""
    if value is None:
        return _DISCONNECTED
    headers = {"cache-control": "no-store", **(headers or {})}
    return Response(json_bytes(value), status, headers, "application/json")


def _failure(message: object, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return _reply({"error": shorten(message)}, status, headers)


async def _on_error(request: Request, error: CitedeskError) -> Response:
    if isinstance(error, UsageError):
        return _failure(error, 400)
    if isinstance(error, PaperNotFound):
        return _failure(error, 404)
    return _failure(error, 503, {"retry-after": _RETRY_AFTER})


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    return _failure(_NOT_JSON if first["type"] == "json_invalid" else validation_message(first), 400)


async def _on_http(request: Request, error: HTTPException) -> Response:
    headers = error.headers or {}
    if error.status_code == 413:
        message = f"The body is larger than {request.scope[MAX_BODY_SIZE_SCOPE_KEY] // 1024} KB."
    elif error.status_code == 405:
        message = f"Use {headers.get('Allow', 'another method')} here."
    elif error.status_code == 404:
        message = "There is nothing here. See /api/docs."
    else:  # 400, where the body cannot be parsed at all
        message = _NOT_JSON
    return _failure(message, error.status_code, headers)


async def _on_unexpected(request: Request, error: Exception) -> Response:
    """Starlette raises the error again after this reply, and the server logs it."""
    return _failure(UNEXPECTED, 500)


def _openapi(api: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI schema, with the data of the server-sent events, which FastAPI does not know of."""
    if api.openapi_schema is None:
        schema = get_openapi(
            title=api.title,
            version=api.version,
            summary=api.summary,
            description=api.description,
            routes=api.routes,
            separate_input_output_schemas=False,
        )
        models = [(model, "validation") for model in EVENT_MODELS.values()]
        _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
        schemas = schema["components"]["schemas"]
        schema["components"]["schemas"] = {**definitions["$defs"], **schemas}
        api.openapi_schema = schema
    return api.openapi_schema
