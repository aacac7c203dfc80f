"""The engine that all requests share: loaded in the background, and reloaded when the index has a new generation."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from threading import Condition, Event, Lock, Thread
from typing import TYPE_CHECKING, Literal

from rag.errors import CitedeskError, IndexFailed, IndexMissing
from rag.index.generations import IndexFolder
from rag.settings import Addresses, Settings
from ui.search_queue import SearchQueue

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.llm.protocol import ChatModel
    from rag.models.loading import Models
    from rag.verification.written_answer import CheckedWriter

_POLL_INTERVAL = 2.0  # seconds between checks for a new generation
_MAX_BACKOFF = 60.0  # seconds between attempts to load after failures
_WARM_UP = "which papers are about this"

SessionEndpoints = Literal["none", "public", "any"]
"""Which endpoints of its own a session may name: none, those at public addresses, or any."""

IMPORT_LOCK = Lock()
"""Held while heavy libraries are imported: Python 3.11 fails now and then when two threads parse code side by side."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What one session sets for its answers: written or extractive, by which endpoint, and how deep the search goes.

    None means the server's setting. `addresses` bounds where an endpoint of the session's own may be. A key is never
    shown, and goes to no other address than the one it was entered for.
    """

    written: bool = True
    base_url: str | None = None
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    thorough: bool = True
    addresses: Addresses = "any"

    def applied_to(self, settings: Settings) -> Settings:
        """Return the server's settings with this session's in their place; raises UsageError for an invalid address."""
        depth = settings.rerank_depth if self.thorough else 0
        if not self.written:
            return replace(settings, rerank_depth=depth)
        base_url, api_key = settings.llm_base_url, self.api_key or settings.llm_api_key
        model = self.model or settings.llm_model
        if self.base_url and self.base_url != settings.llm_base_url:
            base_url, api_key, model = self.base_url, self.api_key, self.model
            settings = replace(settings, llm_addresses=self.addresses)
        return replace(settings, rerank_depth=depth, llm_base_url=base_url, llm_model=model, llm_api_key=api_key)


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """Whether questions can be answered; `message` says what is loading or failed, "" where nothing is."""

    ready: bool
    message: str
    generation: str | None = None
    papers: int = 0
    model: str | None = None


class EngineHolder:
    """Holds the engine in use; start() loads it on a background thread."""

    def __init__(self, settings: Settings, load: Callable[[Settings], Models] | None = None) -> None:
        """Prepare to serve one index; `load` loads its models, the configured ones by default."""
        self.settings = settings
        self._load_models = load or _configured_models
        searches = settings.ui_searches or max(1, (os.cpu_count() or 2) // 2)
        self.search_queue = SearchQueue(searches, settings.ui_waiting, settings.ui_questions)
        self._folder = IndexFolder(settings.home)
        self._engine: Engine | None = None
        self._models: Models | None = None
        self._writer: CheckedWriter | None = None
        self._loaded: str | None = None
        self._message = "The index and the models are being loaded."
        self._failure: CitedeskError | None = None
        self._writer_lock = Lock()
        self._changed = Condition()
        self._closed = Event()
        self._thread = Thread(target=self._watch_index, name="citedesk-engine", daemon=True)

    def start(self) -> None:
        """Load the index and the models, and from then on each new generation of the index."""
        self._thread.start()

    def close(self) -> None:
        """Stop loading, and close the index's files."""
        self._closed.set()
        self._thread.join()
        engine, self._engine, self._models = self._engine, None, None
        if engine:
            engine.library.close()

    @property
    def status(self) -> IndexStatus:
        """The current state of the index and the models."""
        engine, model = self._engine, self.settings.llm_model if self.settings.has_endpoint else None
        if engine is None:
            return IndexStatus(False, self._message, model=model)
        library = engine.library
        return IndexStatus(True, self._message, library.manifest.generation, len(library.papers), model)

    def engine(self, timeout: float | None = None) -> Engine:
        """Return the engine, waiting up to `timeout` seconds for it; raises CitedeskError where there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._engine or self._failure, timeout)
            if self._engine:
                return self._engine
            raise self._failure or IndexFailed("The index and the models are still being loaded. Ask again soon.")

    def session_engine(
        self,
        session: SessionSettings,
        on_chat: Callable[[ChatModel], None],
        search_slot: Callable[[], AbstractContextManager[object]],
    ) -> Engine:
        """Return an engine with a session's settings, each of whose searches holds a `search_slot`.

        `on_chat` receives every chat model that is opened for a question. Raises CitedeskError where there is no
        index, or where the session's settings are invalid.
        """
        from rag.engine import Engine  # 1 s of imports

        engine, settings = self.engine(), session.applied_to(self.settings)
        assert self._models
        models = self._models if settings.rerank_depth else replace(self._models, cross_encoder=None)
        writer = self._session_writer(settings, on_chat) if session.written and settings.has_endpoint else None
        return Engine(settings, engine.library, models, writer=writer, search_slot=search_slot)

    def _session_writer(self, settings: Settings, on_chat: Callable[[ChatModel], None]) -> CheckedWriter:
        from rag.llm.client import open_chat

        def open_reported() -> ChatModel:
            chat = open_chat(settings)
            on_chat(chat)
            return chat

        loaded = self._loaded_writer()
        return replace(loaded, writer=replace(loaded.writer, settings=settings, open_chat=open_reported))

    def _loaded_writer(self) -> CheckedWriter:
        from rag.verification.written_answer import load_checked_writer

        with self._writer_lock:  # not the engine's lock, so that a plain search does not wait for the writer
            if self._writer is None:
                self._writer = load_checked_writer(self.settings)
            return self._writer

    def _watch_index(self) -> None:
        pause = _POLL_INTERVAL
        while True:
            try:
                self._load_if_new()
                pause = _POLL_INTERVAL
            except CitedeskError as error:
                pause = self._report(error, pause)
            except Exception as error:  # this thread goes on: the next generation may be sound
                logger.exception("index=unloaded")
                message = f"The index cannot be loaded ({type(error).__name__}: {error}). Run `citedesk doctor`."
                pause = self._report(IndexFailed(message), pause)
            if self._closed.wait(pause):
                return

    def _load_if_new(self) -> None:
        """Load the index's current generation unless it is loaded already."""
        current = self._folder.current().name
        if current != self._loaded:
            self._load()
            self._loaded = current

    def _load(self) -> None:
        with IMPORT_LOCK, ExitStack() as unless_used:
            from rag.engine import Engine  # 1 s of imports
            from rag.index.library import open_library

            library = open_library(self.settings, thorough=True)  # a server opens it once
            unless_used.callback(library.close)
            models = self._models or self._load_models(self.settings)
            engine = Engine(self.settings, library, models)
            if self._models is None:
                engine.search(_WARM_UP)  # the first question would pay for what loads only then
            unless_used.pop_all()
        with self._changed:  # an earlier library closes itself once no running question uses it
            self._engine, self._models, self._message, self._failure = engine, models, "", None
            self._changed.notify_all()
        gc.collect()  # an engine refers to itself, and would keep its files open until Python happens to collect it
        logger.info("generation=%s papers=%d", library.manifest.generation, len(library.papers))

    def _report(self, failure: CitedeskError, pause: float) -> float:
        """Publish a failure, keeping an index that was loaded before; returns the seconds until the next attempt."""
        if str(failure) != str(self._failure):
            logger.warning("index=unloaded reason=%s", failure)
        with self._changed:
            old = "The earlier index is still in use. " if self._engine else ""
            self._message, self._failure = old + str(failure), failure
            self._changed.notify_all()
        missing = isinstance(failure, IndexMissing)  # polled for at the same pace as a new generation
        return _POLL_INTERVAL if missing else min(2 * pause, _MAX_BACKOFF)


def _configured_models(settings: Settings) -> Models:
    from rag.models.loading import load_models

    return load_models(settings)
