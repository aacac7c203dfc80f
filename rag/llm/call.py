"""One request on a thread of its own, so that waiting for it can end at a given moment, whatever the server does."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Lock, Thread
from typing import Any

import httpx
import openai

from rag.llm.frames import BadStream, Frames

_LARGEST_REPLY = 1 << 20  # bytes of what is no stream: a list of models may be long, a refusal is not
_RESET = struct.pack("ii", 1, 0)
_PATIENCE = 0.2  # seconds: a thread that still looks up a name cannot be stopped, and is not waited for

CLIENT_ERRORS = (
    openai.OpenAIError,
    httpx.HTTPError,
    httpx.InvalidURL,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    RuntimeError,
)
"""What the client and LlamaIndex raise over what a server sends."""

_current: ContextVar[Call | None] = ContextVar("_current", default=None)


@dataclass(frozen=True, slots=True)
class Connected:
    """The request is being sent."""


@dataclass(frozen=True, slots=True)
class Part:
    """What the request's iterator yielded."""

    value: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """The iterator's end, with the error that ended it if one did; `stopped` if it was told to stop."""

    error: Exception | None = None
    stopped: bool = False


Event = Connected | Part | Ended


class Call:
    """Runs an iterator that makes one request, and hands on what it yields, each with the time of its arrival."""

    def __init__(self, parts: Callable[[], Iterable[Any]]) -> None:
        self._parts = parts
        self._events: SimpleQueue[tuple[float, Event]] = SimpleQueue()
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._stopped = False
        self._thread = Thread(target=copy_context().run, args=(self._run,), name="citedesk-endpoint", daemon=True)

    def start(self) -> None:
        """Make the request."""
        self._thread.start()

    def wait(self, due: float) -> tuple[float, Event] | None:
        """Give what came next and when, or None where nothing had come by the time that is due."""
        try:
            return self._events.get(timeout=min(max(due - time.monotonic(), 0), TIMEOUT_MAX))
        except Empty:
            return None

    def stop(self) -> None:
        """End the request at once: the server sees the connection close. May be called from any thread."""
        with self._lock:
            self._stopped = True
            _shut(self._socket)
        self._events.put((time.monotonic(), Ended(stopped=True)))

    def finish(self) -> None:
        """Stop, and see the thread off."""
        self.stop()
        self._thread.join(_PATIENCE)

    def trace(self, name: str, info: dict[str, Any]) -> None:
        """Note how far httpcore has come with the request."""
        if name == "connection.connect_tcp.complete":
            self._connected(info["return_value"].get_extra_info("socket"))
        elif name.endswith(".send_request_headers.started"):
            self._put(Connected())

    def _connected(self, sock: socket.socket) -> None:
        # A duplicate names the same connection, and can end it while the original is wrapped in TLS.
        duplicate = sock.dup()
        with self._lock:
            previous, self._socket = self._socket, duplicate
            if self._stopped:
                _shut(duplicate)
        if previous:
            previous.close()

    def _run(self) -> None:
        _current.set(self)
        error = None
        try:
            for part in self._parts():
                self._put(Part(part))
        except CLIENT_ERRORS as raised:
            error = raised
        finally:
            with self._lock:
                if self._socket:
                    self._socket.close()
                    self._socket = None
            self._put(Ended(error))

    def _put(self, event: Event) -> None:
        self._events.put((time.monotonic(), event))


def _shut(sock: socket.socket | None) -> None:
    if sock:
        with suppress(OSError):  # it may be closed already
            # A server that waits for room in a full buffer never learns of a plain end, so closing resets.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.shutdown(socket.SHUT_RDWR)


def watch_request(request: httpx.Request) -> None:
    """Let the call that makes a request follow it (an httpx event hook)."""
    if call := _current.get():
        request.extensions["trace"] = call.trace


def guard_response(response: httpx.Response) -> None:
    """Bound what a response may hold, and mend its frames if it is a stream (an httpx event hook)."""
    assert isinstance(response.stream, httpx.SyncByteStream)
    encoding = response.headers.get("content-encoding", "identity")
    asked = _current.get() is not None and response.request.method == "POST"
    if response.is_success and (asked or "text/event-stream" in response.headers.get("content-type", "")):
        response.stream = _Guarded(response.stream, _mended(response.stream, encoding))
    else:
        response.stream = _Guarded(response.stream, _bounded(response.stream, encoding))


def _mended(stream: httpx.SyncByteStream, encoding: str) -> Iterator[bytes]:
    if encoding != "identity":
        raise BadStream(f"compressed data ({encoding}), which it was asked not to send")
    frames = Frames()
    for data in stream:
        yield from frames.feed(data)
    yield from frames.end()


def _bounded(stream: httpx.SyncByteStream, encoding: str) -> Iterator[bytes]:
    left = _LARGEST_REPLY if encoding == "identity" else 0
    for data in stream if left else ():
        yield data[:left]
        left -= len(data)
        if left <= 0:
            return


class _Guarded(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, parts: Iterator[bytes]) -> None:
        self._stream = stream
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self._stream.close()
