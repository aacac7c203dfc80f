"""Fixtures of all tests: no network but loopback, none of the user's settings, a home folder for each test."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from rag.index.library import Library
from tests.fakes import EASY_RANKER, SHELF, ScriptedEndpoint, hash_library
from tests.leaks import LeakCheck

PROJECT = Path(__file__).parent.parent
os.environ["HF_HUB_OFFLINE"] = "1"
settings.register_profile("search", deadline=None, max_examples=2000)  # new examples, to search for faults
settings.register_profile("repeatable", deadline=None, derandomize=True)  # the same examples on every machine
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Register the check for files and threads that tests leave open, unless only some files of tests are run.

    What a few libraries and fixtures hold for good would be too much for so few tests.
    """
    if not config.getoption("file_or_dir"):
        config.pluginmanager.register(LeakCheck())


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that connects to anything but loopback."""
    connect = socket.socket.connect

    def loopback_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else address
        if self.family != socket.AF_UNIX and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reached for the network: {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", loopback_only)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unset the user's CITEDESK_ variables, and run in a temporary folder with its own index home."""
    for name in list(os.environ):
        if name.startswith("CITEDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CITEDESK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _models_opened_once() -> Iterator[None]:
    """Share loaded models between tests: loading the default ones takes 2 s of CPU time, and they hold no state."""
    import onnxruntime

    from rag.models import loading

    opened: dict[object, Any] = {}
    open_session = onnxruntime.InferenceSession

    def shared_session(path: Path, *arguments: Any, **options: Any) -> Any:
        status = path.stat() if path.exists() else None
        key = (path, status and (status.st_mtime_ns, status.st_size))
        if key not in opened:
            opened[key] = open_session(path, *arguments, **options)
        return opened[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnxruntime, "InferenceSession", shared_session)
        patch.setattr(os, "fsync", lambda descriptor: None)  # no test cuts the power
        for name in ("load_encoder", "load_reranker"):
            patch.setattr(loading, name, cache(getattr(loading, name)))
        yield


@pytest.fixture
def easy_ranker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank with `EASY_RANKER` instead of the trained weights, also on the command line."""
    monkeypatch.setattr("rag.retrieval.scoring.load_ranker", lambda depth: EASY_RANKER)


@pytest.fixture
def endpoint() -> Iterator[ScriptedEndpoint]:
    """A running `ScriptedEndpoint`, an OpenAI-compatible server on loopback."""
    server = ScriptedEndpoint()
    with server:
        yield server


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The index of four papers that `SHELF` lists, by models that need no weights."""
    opened = hash_library(tmp_path_factory.mktemp("shelf"), SHELF)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The index of the papers `PAPERS` of the fakes, by models that need no weights."""
    opened = hash_library(tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()
