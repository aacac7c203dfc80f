"""JSON as it is sent, server-sent events (WHATWG HTML §9.2), and work that ends when the client disconnects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

ServerSentEvent = tuple[str, Mapping[str, Any]]
"""An event's name and its data."""

_T = TypeVar("_T")
_PING_INTERVAL = 15.0  # seconds; proxies take a stream that is silent for longer to be dead


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Encode a JSON object as UTF-8, half surrogate pairs as escapes."""
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")


async def until_disconnect(receive: Receive, work: Coroutine[Any, Any, _T]) -> _T | None:
    """Return what the work returns; where the client disconnects first, cancel it and return None."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await _cancel(working, gone)


class EventStream(StreamingResponse):
    """A response of server-sent events, whose generator is closed when the client disconnects.

    Starlette's own response would notice that only at the next event. What is raised before the first event is raised
    before the response begins, so that it gets a status of its own.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[ServerSentEvent, None]) -> None:
        super().__init__((), headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, and a comment now and then while there are none."""
        first = await until_disconnect(receive, anext(self._events))
        if first is None:
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        pinging = asyncio.ensure_future(_ping(send))
        try:
            await until_disconnect(receive, self._send_events(first, send))
        finally:
            await _cancel(pinging)

    async def _send_events(self, first: ServerSentEvent, send: Send) -> None:
        async with aclosing(self._events) as events:
            await _send_event(first, send)
            async for event in events:
                await _send_event(event, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_event(event: ServerSentEvent, send: Send) -> None:
    await send({"type": "http.response.body", "body": encode_event(*event), "more_body": True})


def encode_event(name: str, data: Mapping[str, Any]) -> bytes:
    """Encode an event; JSON has no line breaks of its own, so one `data` line holds it."""
    return b"event: " + name.encode() + b"\ndata: " + json_bytes(data) + b"\n\n"


async def _ping(send: Send) -> None:
    while True:
        await asyncio.sleep(_PING_INTERVAL)
        await send({"type": "http.response.body", "body": b": still at it\n\n", "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks, and wait until they have cleaned up."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
