"""ASGI middleware that bounds what a request may send: how long its body takes to arrive, and how large it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 15.0
MAX_BYTES = 4 * 1024 * 1024
"""Of any body; the chat sends the conversation with a question, and the API allows less."""


class BodyLimits:
    """Answers 408 to a body that has not arrived in time, 413 to one that is too large, and closes the connection."""

    def __init__(self, app: ASGIApp, seconds: float = SECONDS, max_bytes: int = MAX_BYTES) -> None:
        self._app = app
        self._seconds = seconds
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, send, self._seconds, self._max_bytes)
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            if body.refusal is None:
                raise
        if body.refusal is not None and not body.began:
            await body.refusal(scope, receive, send)


@dataclass(slots=True)
class _Body:
    """What has come of a request, and whether a response has begun; once `refusal` is set, the app's own is dropped."""

    source: Receive
    target: Send
    seconds: float
    max_bytes: int
    deadline: float | None = None
    size: int = 0
    whole: bool = False
    began: bool = False
    refusal: JSONResponse | None = None

    async def receive(self) -> Message:
        """Return the next message; that the client has gone, where its body is late or too large."""
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        if self.whole:
            return await self.source()
        now = asyncio.get_running_loop().time()
        self.deadline = self.deadline or now + self.seconds
        try:
            message = await asyncio.wait_for(self.source(), max(self.deadline - now, 0.0))
        except TimeoutError:
            return self._refuse(408, f"The body did not arrive within {self.seconds:g} seconds.")
        self.size += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)
        if self.size > self.max_bytes:
            return self._refuse(413, f"The body is larger than {self.max_bytes // 1024} KB.")
        return message

    async def send(self, message: Message) -> None:
        """Pass a message of the app's response on."""
        if self.refusal is None or self.began:
            self.began = True
            await self.target(message)

    def _refuse(self, status: int, reason: str) -> Message:
        headers = {"connection": "close", "cache-control": "no-store"}
        self.refusal = JSONResponse({"error": reason}, status, headers)
        return {"type": "http.disconnect"}
