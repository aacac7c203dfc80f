"""uvicorn's HTTP protocol, which also closes connections whose next request has not begun in time, or has a huge head.

uvicorn 0.54 waits for ever for the first bytes of a connection, and for the rest of a request's headers, and with
httptools it keeps headers and trailers of any length.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ui.request_body import SECONDS

MAX_HEAD = 64 * 1024
"""Bytes of a request line with its headers, or of trailers; a question of the longest takes 36 KB of a URL."""


class IdleTimeoutProtocol(HttpToolsProtocol):
    """Closes a connection that has no request under way, and has been sent no whole headers for some seconds.

    Replies 400 to a head of more than `MAX_HEAD` bytes.
    """

    seconds = SECONDS
    _timer: asyncio.TimerHandle | None = None
    _head = 0  # bytes that came since the last request or piece of a body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting where the data has not begun a request."""
        self._head += len(data)
        super().data_received(data)
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse()
        elif self._is_idle():
            self._wait()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        super().on_body(body)
        self._head = 0

    def on_message_complete(self) -> None:
        """End a request."""
        super().on_message_complete()
        self._head = 0

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self) -> None:
        self._stop()
        if self._is_idle():
            self.send_400_response(f"The head of the request is larger than {MAX_HEAD // 1024} KB.")
        else:
            self.transport.close()

    def _close(self) -> None:
        self._timer = None
        if self._is_idle() and self.transport.get_protocol() is self:  # no WebSocket has taken it over
            self.transport.close()
