"""The engine that everybody here asks: loaded once, behind the page, and anew when the index has a new generation."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from threading import Condition, Event, Lock, Thread
from typing import TYPE_CHECKING
from weakref import ref

from rag.errors import CitedeskError, IndexFailed, IndexMissing
from rag.index.generations import IndexFolder
from rag.settings import Settings
from ui.choice import Choice
from ui.turnstile import Turnstile

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.index.library import Library
    from rag.index.vectors import VectorStore
    from rag.llm.protocol import ChatModel
    from rag.models.loading import Models
    from rag.verification.written_answer import CheckedWriter

Place = Callable[[], AbstractContextManager[object]]
_LOOK_EVERY = 2.0  # seconds between looks for a new generation
_LONGEST_PAUSE = 60.0  # seconds between tries to load what could not be loaded
_WARM_UP = "which papers are about this"

IMPORTING = Lock()
"""Held while heavy libraries are imported: Python 3.11 fails now and then where two threads parse code side by side."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What can be asked: `message` says in words what is under way or went wrong, and is "" where all is well."""

    ready: bool
    message: str
    generation: str | None = None
    papers: int = 0
    model: str | None = None


class Desk:
    """Holds the engine in use; start() loads it on a thread of its own."""

    def __init__(self, settings: Settings, load: Callable[[Settings], Models] | None = None) -> None:
        """Keep the desk of one index; `load` gives its models, the configured ones where it is not given."""
        self.settings = settings
        self._load_models = load or _configured
        self.turnstile = Turnstile(max(1, (os.cpu_count() or 2) // 2))
        self._folder = IndexFolder(settings.home)
        self._engine: Engine | None = None
        self._models: Models | None = None
        self._writer: CheckedWriter | None = None
        self._loaded: str | None = None
        self._outdated: list[tuple[ref[Library], VectorStore]] = []
        self._message = "The index and the models are being loaded."
        self._failure: CitedeskError | None = None
        self._writer_lock = Lock()
        self._changed = Condition()
        self._closed = Event()
        self._thread = Thread(target=self._keep_up, name="citedesk-desk", daemon=True)

    def start(self) -> None:
        """Load the index and the models, and from then on each new generation of the index."""
        self._thread.start()

    def close(self) -> None:
        """Load no more."""
        self._closed.set()
        self._thread.join()

    @property
    def status(self) -> Status:
        """What can be asked now."""
        engine, model = self._engine, self.settings.llm_model if self.settings.has_endpoint else None
        if engine is None:
            return Status(False, self._message, model=model)
        library = engine.library
        return Status(True, self._message, library.manifest.generation, len(library.papers), model)

    def engine(self, timeout: float | None = None) -> Engine:
        """Wait until there is an engine, at most so many seconds; raises CitedeskError where there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._engine or self._failure, timeout)
            if self._engine:
                return self._engine
            raise self._failure or IndexFailed("The index and the models are still being loaded. Ask again soon.")

    def engine_for(self, choice: Choice, watch: Callable[[ChatModel], None], place: Place) -> Engine:
        """Give an engine as a session has chosen; its searches hold a `place`.

        `watch` is told of each chat model that it opens for a question. Raises CitedeskError where there is no index,
        or where the choice cannot be meant.
        """
        from rag.engine import Engine  # 1 s of imports

        engine, settings = self.engine(), choice.applied_to(self.settings)
        assert self._models
        models = self._models if settings.rerank_depth else replace(self._models, cross_encoder=None)
        writer = self._writer_for(settings, watch) if choice.written and settings.has_endpoint else None
        return Engine(settings, engine.library, models, writer=writer, search_slot=place)

    def _writer_for(self, settings: Settings, watch: Callable[[ChatModel], None]) -> CheckedWriter:
        from rag.llm.client import open_chat

        def open_watched() -> ChatModel:
            chat = open_chat(settings)
            watch(chat)
            return chat

        loaded = self._loaded_writer()
        return replace(loaded, writer=replace(loaded.writer, settings=settings, open_chat=open_watched))

    def _loaded_writer(self) -> CheckedWriter:
        from rag.verification.written_answer import load_checked_writer

        with self._writer_lock:  # not that of the engine: who only searches is not kept waiting
            if self._writer is None:
                self._writer = load_checked_writer(self.settings)
            return self._writer

    def _keep_up(self) -> None:
        pause = _LOOK_EVERY
        while True:
            try:
                self._look()
                pause = _LOOK_EVERY
            except CitedeskError as error:
                pause = self._tell(error, pause)
            except Exception as error:  # this thread goes on: the next generation may be sound
                logger.exception("index=unloaded")
                said = f"The index cannot be loaded ({type(error).__name__}: {error}). Run `citedesk doctor`."
                pause = self._tell(IndexFailed(said), pause)
            self._close_outdated()
            if self._closed.wait(pause):
                return

    def _look(self) -> None:
        """Load the generation in use where it is not the one that is loaded."""
        current = self._folder.current().name
        if current != self._loaded:
            self._load()
            self._loaded = current

    def _load(self) -> None:
        with IMPORTING, ExitStack() as unless_used:
            from rag.engine import Engine  # 1 s of imports
            from rag.index.library import open_library

            library = open_library(self.settings)
            unless_used.callback(library.close)
            models = self._models or self._load_models(self.settings)
            engine = Engine(self.settings, library, models)
            if self._models is None:
                engine.search(_WARM_UP)  # the first question would pay for what loads only then
            unless_used.pop_all()
        before = self._engine
        with self._changed:
            self._engine, self._models, self._message, self._failure = engine, models, "", None
            self._changed.notify_all()
        if before:
            self._outdated.append((ref(before.library), before.library.vectors))
        logger.info("generation=%s papers=%d", library.manifest.generation, len(library.papers))

    def _close_outdated(self) -> None:
        """Let go of the files of earlier generations, once no question that is under way holds one."""
        unused = [each for each in self._outdated if each[0]() is None]
        self._outdated = [each for each in self._outdated if each not in unused]
        for _, vectors in unused:
            vectors.close()

    def _tell(self, failure: CitedeskError, pause: float) -> float:
        """Say what went wrong; an index that was loaded before stays in use. Gives the seconds until the next try."""
        with self._changed:
            old = "The earlier index is still in use. " if self._engine else ""
            self._message, self._failure = old + str(failure), failure
            self._changed.notify_all()
        missing = isinstance(failure, IndexMissing)  # it is looked for at the same pace as a new generation
        return _LOOK_EVERY if missing else min(2 * pause, _LONGEST_PAUSE)


def _configured(settings: Settings) -> Models:
    from rag.models.loading import load_models

    return load_models(settings)
