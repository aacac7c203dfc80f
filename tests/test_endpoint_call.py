from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpx

from rag.llm.call import Call, watch_request

FULL = 1.0  # seconds without room for another byte: what lies between the two is full


def _send_until_refused(listener: socket.socket, full: threading.Event, gone: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.settimeout(FULL)
        while True:
            try:
                connection.send(b"x" * 65536)
            except TimeoutError:
                full.set()
                connection.settimeout(None)
            except (BrokenPipeError, ConnectionResetError):
                gone.set()
                return


def test_server_that_sends_faster_than_is_read_is_told_of_the_end_too() -> None:
    full, gone, read_on = threading.Event(), threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_send_until_refused, args=(listener, full, gone), daemon=True)
        server.start()

        def parts() -> Iterator[bytes]:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            with httpx.Client(event_hooks={"request": [watch_request]}) as client, client.stream("GET", url) as reply:
                raw = reply.iter_raw()
                yield next(raw)
                read_on.wait(60)
                yield from raw

        call = Call(parts)
        call.start()
        assert full.wait(30)
        call.stop()
        read_on.set()
        assert gone.wait(10)
        call.finish()
        server.join()
