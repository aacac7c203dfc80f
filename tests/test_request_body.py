from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.serving import served
from tests.timing import PATIENCE
from ui.idle_timeout import MAX_HEAD, IdleTimeoutProtocol
from ui.pages import PageHeaders
from ui.request_body import BodyLimits

PATIENT = 0.5  # seconds
HEAD = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n"


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


async def think(request: Request) -> PlainTextResponse:
    await asyncio.sleep(2 * PATIENT)
    return PlainTextResponse("thought")


class HurriedProtocol(IdleTimeoutProtocol):
    seconds = PATIENT


@contextmanager
def serving(protocol: type[IdleTimeoutProtocol], seconds: float) -> Iterator[tuple[str, int]]:
    app = Starlette(routes=[Route("/", echo, methods=["POST"]), Route("/think", think)])
    with served(PageHeaders(BodyLimits(app, seconds, 20)), http=protocol, timeout_keep_alive=1) as url:
        parts = urlsplit(url)
        yield parts.hostname or "", parts.port or 0


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with serving(HurriedProtocol, PATIENT) as address:
        yield address


@pytest.fixture
def patient_address() -> Iterator[tuple[str, int]]:
    with serving(IdleTimeoutProtocol, PATIENCE) as address:
        yield address


def until_closed(connection: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection."""
    connection.settimeout(PATIENCE)
    said = b""
    while piece := connection.recv(4096):
        said += piece
    return said


def test_body_that_arrives_in_time_is_read(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD.replace(b"Host", b"Connection: close\r\nHost") + b"four")
        connection.sendall(b"+five")
        assert until_closed(connection).endswith(b"four+five")


def test_body_that_is_half_sent_is_cut(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD + b"four")
        said = until_closed(connection)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert said.endswith(b'{"error":"The body did not arrive within 0.5 seconds."}')
    assert b"x-content-type-options: nosniff" in said


def test_body_that_is_sent_a_byte_at_a_time_has_no_more_time(address: tuple[str, int]) -> None:
    began = time.monotonic()
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD.replace(b"9", b"19"))
        connection.settimeout(0.1)
        said = b""
        while not said and time.monotonic() - began < PATIENCE:
            connection.sendall(b"x")
            try:
                said = connection.recv(4096)
            except TimeoutError:
                continue
    assert said.startswith(b"HTTP/1.1 408 ")


def test_body_that_is_too_large_is_refused(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD.replace(b"9", b"999") + b"x" * 30)
        said = until_closed(connection)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert said.endswith(b'{"error":"The body is larger than 0 KB."}')


@pytest.mark.parametrize("sent", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: here\r\n"])
def test_connection_without_whole_headers_is_closed(address: tuple[str, int], sent: bytes) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(sent)
        assert until_closed(connection) == b""


def test_headers_of_a_second_request_have_no_more_time(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD + b"four+five")
        connection.sendall(b"POST / HTTP/1.1\r\n")
        assert until_closed(connection).endswith(b"four+five")


def test_answer_may_take_longer_than_a_request(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(b"GET /think HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        assert until_closed(connection).endswith(b"thought")


FLOOD = b"x" * MAX_HEAD


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + FLOOD,
        b"GET / HTTP/1.1\r\nHost: here\r\nX: " + FLOOD,
        b"GET / HTTP/1.1\r\nHost: here\r\n" + b"X: x\r\n" * (MAX_HEAD // 6),
    ],
)
def test_head_that_is_too_large_is_refused(address: tuple[str, int], sent: bytes) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(sent)
        assert until_closed(connection).endswith(b"The head of the request is larger than 64 KB.")


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"four+fiveGET / HTTP/1.1\r\nX: ",
        HEAD.replace(b"Content-Length: 9", b"Transfer-Encoding: chunked") + b"4\r\nfour\r\n0\r\nX: ",
    ],
)
def test_endless_headers_and_trailers_close_the_connection(patient_address: tuple[str, int], sent: bytes) -> None:
    with socket.create_connection(patient_address) as connection, pytest.raises(ConnectionError):
        connection.sendall(sent)
        for _ in range(500):
            connection.sendall(FLOOD)


def test_body_in_small_chunks_is_read(address: tuple[str, int]) -> None:
    head = HEAD.replace(b"Content-Length: 9", b"Connection: close\r\nTransfer-Encoding: chunked")
    chunks = b"".join(b"1;" + FLOOD[:4000] + b"\r\n%c\r\n" % each for each in b"four+five" * 2)
    with socket.create_connection(address) as connection:
        connection.sendall(head + chunks + b"0\r\n\r\n")
        assert until_closed(connection).endswith(b"four+five" * 2)
