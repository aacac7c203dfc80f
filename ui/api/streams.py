"""Work that ends when the client goes away, and its events as they come (server-sent events, WHATWG HTML §9.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

Named = tuple[str, Mapping[str, Any]]
T = TypeVar("T")
_PING = 15.0  # seconds after which a proxy may take a silent stream for a dead one
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


async def until_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """Do the work; where the client goes away before it is done, end it and return None."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await end(working, gone)


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks, each once, and wait until they have cleaned up."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class EventStream:
    """An ASGI response that sends events; `events` makes them anew for it, and is closed when the client goes away."""

    def __init__(self, events: Callable[[], AsyncGenerator[Named, None]]) -> None:
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, and a comment now and then while there are none."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        pinging = asyncio.ensure_future(_ping(send))
        try:
            await until_gone(receive, self._send(send))
        finally:
            await end(pinging)

    async def _send(self, send: Send) -> None:
        async with aclosing(self._events()) as events:
            async for name, value in events:
                await send({"type": "http.response.body", "body": as_event(name, value), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def as_event(name: str, value: Mapping[str, Any]) -> bytes:
    """Write an event; JSON has no line break of its own, so one `data` line holds it."""
    data = json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


async def _ping(send: Send) -> None:
    while True:
        await asyncio.sleep(_PING)
        await send({"type": "http.response.body", "body": b": still at it\n\n", "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
