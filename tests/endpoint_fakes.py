"""A server that sends exactly the bytes it is told to, and the responses of chat completion servers."""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.errors import LLMFailed
from rag.llm.client import EndpointChat, open_chat
from rag.llm.protocol import Message
from rag.settings import Settings

Script = Sequence[bytes | float]
"""What a server sends on one connection: bytes, and pauses in seconds."""

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
DONE = b"data: [DONE]\n\n"
MESSAGES = (Message("system", "Be brief."), Message("user", "Which papers?"))


@dataclass
class RawEndpoint:
    """A server on loopback that plays one script to each connection; the last one repeats.

    `requests` are the JSON bodies received; `disconnected_at` are the times at which clients went away during a script.
    """

    scripts: Sequence[Script]
    requests: list[dict[str, Any]] = field(default_factory=list)
    disconnected_at: list[float] = field(default_factory=list)
    disconnected: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def __enter__(self) -> RawEndpoint:
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts[min(len(self._threads), len(self.scripts) - 1)]
            thread = threading.Thread(target=self._serve, args=(connection, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, script: Script) -> None:
        with connection:
            try:
                if not self._read_request(connection):
                    return
                for item in script:
                    if isinstance(item, bytes):
                        connection.sendall(item)
                    elif self._disconnects_within(connection, item):
                        raise ConnectionResetError
            except (BrokenPipeError, ConnectionResetError):
                self.disconnected_at.append(time.monotonic())
                self.disconnected.set()

    def _read_request(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := connection.recv(65536)):
                return False
            data += more
            if not data[:1].isalpha():
                return True  # a TLS greeting, which is answered as anything else
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"content-length" in line.lower()]
        while lengths and len(body) < lengths[0]:
            if not (more := connection.recv(65536)):
                return False
            body += more
        if body:
            self.requests.append(json.loads(body))
        return True

    def _disconnects_within(self, connection: socket.socket, seconds: float) -> bool:
        """Wait, and return whether the client disconnected meanwhile."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:  # select() fails for descriptors of 1,024 and more
            selector.register(connection, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0 and not self._closing.is_set():
                if selector.select(min(left, 0.05)):
                    return not connection.recv(1)
        return False


def status(code: int, body: bytes | str = b"", *headers: str, content_type: str = "application/json") -> Script:
    """Return a complete response with a status."""
    body = body.encode() if isinstance(body, str) else body
    head = (f"HTTP/1.1 {code} Status", f"Content-Type: {content_type}", f"Content-Length: {len(body)}")
    return ["\r\n".join((*head, *headers, "", "")).encode() + body]


def event(**chunk: Any) -> bytes:
    """Return an event with a chunk."""
    return b"data: " + json.dumps({"object": "chat.completion.chunk", **chunk}).encode() + b"\n\n"


def delta(finish_reason: str | None = None, **fields: Any) -> bytes:
    """Return an event with one choice."""
    return event(choices=[{"index": 0, "delta": fields, "finish_reason": finish_reason}])


def stream_of(*texts: str) -> Script:
    """Return a complete stream of these texts."""
    return [STREAM, *(delta(content=text) for text in texts), delta("stop"), DONE]


def short_settings(url: str, **values: Any) -> Settings:
    """Return settings with short timeouts; `llm_` is left off the names."""
    short = {"connect_timeout": 0.5, "first_token_timeout": 0.5, "timeout": 0.5, "total_timeout": 1.5}
    named = {f"llm_{name}": value for name, value in {**short, **values}.items()}
    return Settings(llm_base_url=url, **{"llm_model": "small-model", "llm_api_key": "sesame-key", **named})


def chat_with(server: RawEndpoint, **values: Any) -> EndpointChat:
    """Open a chat with a server."""
    return open_chat(short_settings(server.url, **values))


def stream_once(chat: EndpointChat) -> tuple[str, LLMFailed | None, float]:
    """Stream one reply and close the chat; return the text, the failure if any, and the seconds it took."""
    started, text, failure = time.monotonic(), "", None
    try:
        for piece in chat.stream(MESSAGES):
            text += piece
    except LLMFailed as error:
        failure = error
    taken = time.monotonic() - started
    chat.close()
    return text, failure, taken


def request_threads() -> list[str]:
    """Return the names of the threads that requests have left."""
    return [thread.name for thread in threading.enumerate() if thread.name == "citedesk-endpoint"]
