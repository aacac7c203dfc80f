"""Context managers that run an ASGI application under uvicorn on a free port of loopback, or load an engine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import rag.engine  # noqa: F401 - before `shelf_engine` replaces functions that it imports by name
from tests.fakes import EASY_RANKER, SHELF, hash_library, hash_settings, reading_models, word_writer
from tests.timing import PATIENCE, wait_until
from ui.engine_holder import EngineHolder


@contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """Serve an application while the context lasts; yields its address, as in "http://127.0.0.1:40123"."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        config = uvicorn.Config(app, log_level="error", proxy_headers=False, timeout_graceful_shutdown=2, **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started or not thread.is_alive())
        assert server.started, "the server did not start"
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the server did not stop"


@contextmanager
def shelf_engine(monkeypatch: pytest.MonkeyPatch, home: Path, **values: Any) -> Iterator[EngineHolder]:
    """Yield a started holder over `SHELF` whose models need no weights; `values` are settings."""
    hash_library(home, SHELF).close()
    monkeypatch.setattr("rag.models.loading.load_models", lambda settings: reading_models())
    monkeypatch.setattr("rag.retrieval.scoring.load_ranker", lambda depth: EASY_RANKER)
    monkeypatch.setattr("rag.verification.written_answer.load_checked_writer", word_writer)
    holder = EngineHolder(hash_settings(home, **values))
    holder.start()
    try:
        holder.engine(PATIENCE)
        yield holder
    finally:
        holder.close()
