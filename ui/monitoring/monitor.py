"""Follows requests from their first byte to the last: gives each an id, writes its line in the log, and counts it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.engine_holder import EngineHolder
from ui.login.access import Access, peer, single_header, site_path
from ui.monitoring.metrics import Metrics
from ui.monitoring.requests import CLIENT_GONE, CURRENT, METRICS, PROBES, RequestRecord, request_id, route_of

_HEADER = "X-Request-ID"
_QUIET = (*PROBES, METRICS, "/page/status", "/page/static")  # asked for all the time: logged at the level debug
_NO_STORE = {"cache-control": "no-store"}

logger = logging.getLogger(__name__)


class Monitor:
    """Logs and counts the requests of one server."""

    def __init__(self, holder: EngineHolder) -> None:
        self._holder = holder
        self._metrics = Metrics(holder)

    @contextmanager
    def request(self, record: RequestRecord) -> Iterator[RequestRecord]:
        """Log and count a request when the context ends; whoever runs it sets its status and timings."""
        start = perf_counter()
        try:
            yield record
        finally:
            seconds = perf_counter() - start
            self._metrics.observe(record, seconds)
            logger.log(
                logging.DEBUG if record.route in _QUIET else logging.INFO,
                "request",
                extra={
                    "fields": {
                        "request_id": record.request_id,
                        "method": record.method,
                        "route": record.route,
                        "status": record.status,
                        "seconds": round(seconds, 4),
                        "stages_ms": {stage: round(value, 1) for stage, value in record.timings_ms.items()},
                        "user": record.user,
                    }
                },
            )

    def routes(self) -> list[Route]:
        """Return the routes of the probes and of the metrics."""

        async def healthz(request: HTTPConnection) -> Response:
            return PlainTextResponse("ok\n", headers=_NO_STORE)

        async def readyz(request: HTTPConnection) -> Response:
            if self._holder.status.ready:
                return PlainTextResponse("ready\n", headers=_NO_STORE)
            message = "The index and the models are not loaded. The server's log says why, if they cannot be.\n"
            return PlainTextResponse(message, 503, {**_NO_STORE, "retry-after": "2"})

        def metrics(request: HTTPConnection) -> Response:
            body, media_type = self._metrics.exposition(request.headers.get("accept"))
            return Response(body, headers={**_NO_STORE, "content-type": media_type})

        return [Route("/healthz", healthz), Route("/readyz", readyz), Route(METRICS, metrics)]


class MonitoredRequests:
    """ASGI middleware before all others that has a `Monitor` follow each HTTP request.

    Its id is in `scope["state"]["request_id"]` and in the header X-Request-ID of the response; one that a trusted
    proxy gives is kept.
    """

    def __init__(self, app: ASGIApp, monitor: Monitor, access: Access) -> None:
        self._app = app
        self._monitor = monitor
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = self._record(HTTPConnection(scope))
        state = scope.setdefault("state", {})
        state["request_id"] = record.request_id

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                if record.status == CLIENT_GONE:  # else a stream has failed before its first event
                    record.status = message["status"]
                MutableHeaders(scope=message)[_HEADER] = record.request_id
            await send(message)

        with self._monitor.request(record):
            token = CURRENT.set(record)
            try:
                await self._app(scope, receive, with_id)
            finally:
                CURRENT.reset(token)
                record.user = state.get("user")

    def _record(self, request: HTTPConnection) -> RequestRecord:
        given = single_header(request, _HEADER) if self._access.trusts(peer(request)) else None
        return RequestRecord(route_of(site_path(request.scope)), request.scope["method"], request_id(given))
