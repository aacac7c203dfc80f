"""What every test has: no network but loopback, no setting of the machine's, and a home of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from rag.index.library import Library
from tests.fakes import EASY_RANKER, SHELF, ScriptedEndpoint, hash_library

PROJECT = Path(__file__).parent.parent
os.environ["HF_HUB_OFFLINE"] = "1"
settings.register_profile("busy", deadline=None)  # a shared machine is slow now and then
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def loopback_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else address
        if self.family != socket.AF_UNIX and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reached for the network: {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", loopback_only)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("CITEDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CITEDESK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def easy_ranker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line rank with weights that no training changes."""
    monkeypatch.setattr("rag.retrieval.scoring.load_ranker", lambda depth: EASY_RANKER)


@pytest.fixture
def endpoint() -> Iterator[ScriptedEndpoint]:
    """An OpenAI-compatible server on loopback that does what a test tells it."""
    server = ScriptedEndpoint()
    with server:
        yield server


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The index of four papers that `SHELF` lists, by models that need no weights."""
    opened = hash_library(tmp_path_factory.mktemp("shelf"), SHELF)
    yield opened
    opened.close()
