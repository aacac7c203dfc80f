"""A server that sends exactly the bytes it is told to, and the frames that servers send."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.errors import LLMFailed
from rag.llm.chat import EndpointChat, open_chat
from rag.llm.protocol import Message
from rag.settings import Settings

Pieces = Sequence[bytes | float]
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
DONE = b"data: [DONE]\n\n"
MESSAGES = (Message("system", "Be brief."), Message("user", "Which papers?"))


@dataclass
class RawEndpoint:
    """A server on loopback that plays bytes and pauses (in seconds), one list to each connection; the last repeats."""

    plays: Sequence[Pieces]
    requests: list[dict[str, Any]] = field(default_factory=list)
    gone_at: list[float] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def __enter__(self) -> RawEndpoint:
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            play = self.plays[min(len(self._threads), len(self.plays) - 1)]
            thread = threading.Thread(target=self._serve, args=(connection, play), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, play: Pieces) -> None:
        with connection:
            try:
                if not self._read_request(connection):
                    return
                for piece in play:
                    if isinstance(piece, bytes):
                        connection.sendall(piece)
                    elif self._left(connection, piece):
                        raise ConnectionResetError
            except (BrokenPipeError, ConnectionResetError):
                self.gone_at.append(time.monotonic())
                self.gone.set()

    def _read_request(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := connection.recv(65536)):
                return False
            data += more
            if not data[:1].isalpha():
                return True  # a TLS greeting, which is answered as anything else
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"content-length" in line.lower()), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        if body:
            self.requests.append(json.loads(body))
        return True

    def _left(self, connection: socket.socket, seconds: float) -> bool:
        """Wait, and tell whether the client went away while we did."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._over.is_set():
            if select.select([connection], [], [], min(left, 0.05))[0]:
                return not connection.recv(1)
        return False


def status(code: int, body: bytes | str = b"", *headers: str, kind: str = "application/json") -> Pieces:
    """Give a whole reply with a status."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {code} Status", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
    return ["\r\n".join(lines).encode() + body]


def frame(**chunk: Any) -> bytes:
    """Give one event."""
    return b"data: " + json.dumps({"object": "chat.completion.chunk", **chunk}).encode() + b"\n\n"


def delta(finish: str | None = None, **fields: Any) -> bytes:
    """Give an event with one choice."""
    return frame(choices=[{"index": 0, "delta": fields, "finish_reason": finish}])


def said(*texts: str) -> Pieces:
    """Give a whole stream of these texts."""
    return [STREAM, *(delta(content=text) for text in texts), delta("stop"), DONE]


def settings_for(url: str, **values: Any) -> Settings:
    """Give settings with short times; `llm_` may be left off the names."""
    short = {"connect_timeout": 0.5, "first_token_timeout": 0.5, "timeout": 0.5, "total_timeout": 1.5}
    named = {f"llm_{name}": value for name, value in {**short, **values}.items()}
    return Settings(llm_base_url=url, **{"llm_model": "small-model", "llm_api_key": "sesame-key", **named})


def chat_with(server: RawEndpoint, **values: Any) -> EndpointChat:
    """Open a chat with a server."""
    return open_chat(settings_for(server.url, **values))


def outcome(chat: EndpointChat) -> tuple[str, LLMFailed | None, float]:
    """Stream one reply: its text, its failure, and the seconds it took."""
    started, text, failure = time.monotonic(), "", None
    try:
        for piece in chat.stream(MESSAGES):
            text += piece
    except LLMFailed as error:
        failure = error
    taken = time.monotonic() - started
    chat.close()
    return text, failure, taken


def threads() -> list[str]:
    """Name the threads that requests have left."""
    return [thread.name for thread in threading.enumerate() if thread.name == "citedesk-endpoint"]
