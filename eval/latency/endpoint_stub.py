"""An OpenAI-compatible server on loopback that replies at once; a separate process, so that it costs none of our time.

Run as a script, it prints its port. It uses only the standard library.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MODEL = "stub"
LAST = "/last"  # gives the last request's body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    pieces: Sequence[str] = ()
    last = b""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have left."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    disable_nagle_algorithm = True  # else a small piece waits for the one before to be acknowledged

    def do_GET(self) -> None:
        models = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode()
        self._head("application/json")
        self.wfile.write(self.server.last if self.path == LAST else models)

    def do_POST(self) -> None:
        self.server.last = self.rfile.read(int(self.headers["Content-Length"]))
        self._head("text/event-stream")
        self._send({"delta": {"role": "assistant", "content": ""}, "finish_reason": None})
        for piece in self.server.pieces:
            self._send({"delta": {"content": piece}, "finish_reason": None})
        self._send({"delta": {}, "finish_reason": "stop"})
        self.wfile.write(b"data: [DONE]\n\n")

    def _head(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def _send(self, choice: dict[str, Any]) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": MODEL}
        self.wfile.write(b"data: " + json.dumps({**chunk, "choices": [{"index": 0, **choice}]}).encode() + b"\n\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def stub_endpoint(pieces: Sequence[str], port: int = 0) -> Iterator[str]:
    """Run a server that streams these pieces as every reply; yields its address, without a path."""
    command = [sys.executable, "-P", str(Path(__file__).resolve()), json.dumps(list(pieces)), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def serve(pieces: Sequence[str], port: int) -> None:
    """Serve until the process is ended."""
    with _Server(("127.0.0.1", port), _Handler) as server:
        server.pieces = pieces
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]), int(sys.argv[2]))
