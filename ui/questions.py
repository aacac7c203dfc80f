"""Runs a question on a thread of its own and yields its events to an async caller, until it ends or is cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractContextManager, aclosing, closing, suppress
from dataclasses import dataclass, fields
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from rag.answer import Event, FirstHits, Retrieved
from rag.errors import CitedeskError
from rag.types import Filters, Overrides, Turn
from ui.engine_holder import EngineHolder, SessionSettings

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.llm.protocol import ChatModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QuestionRequest:
    """A question with its overrides, the turns before it and the session's settings."""

    text: str
    overrides: Overrides = Overrides()
    history: tuple[Turn, ...] = ()
    session: SessionSettings = SessionSettings()


@dataclass(frozen=True, slots=True)
class Waiting:
    """The search has not begun: `ahead` others are before it; 0 while the models are being loaded."""

    ahead: int


@dataclass(frozen=True, slots=True)
class SearchedIndex:
    """Precedes FirstHits and Retrieved: the generation of the index that was searched."""

    generation: str


class Overdue(CitedeskError):
    """A question that took longer than a question may."""


_T = TypeVar("_T")
QuestionEvent = Waiting | SearchedIndex | Event
_Put = Callable[[QuestionEvent | Exception | None], None]


def overrides_to_json(overrides: Overrides) -> dict[str, Any]:
    """Return the overrides that are set, as the page and the API send them."""
    filters = {each.name: getattr(overrides.filters, each.name) for each in fields(Filters)}
    filters["coauthors"] = list(overrides.filters.coauthors) or None
    set_filters = {name: value for name, value in filters.items() if value is not None}
    values = {
        "kind": overrides.kind,
        "filters": set_filters,
        "drop": sorted(overrides.drop),
        "as_is": overrides.as_is,
        "papers": list(overrides.papers),
    }
    return {name: value for name, value in values.items() if value}


async def run_question(
    holder: EngineHolder, question: QuestionRequest
) -> AsyncGenerator[tuple[QuestionEvent, ...], None]:
    """Yield a question's events, each time all that have arrived since the last; raises CitedeskError.

    The last event is Done. Closing the generator ends the work at once, including the endpoint's, and so does the
    deadline of the settings, with Overdue. Raises Busy where too many questions are before this one.
    """
    with holder.search_queue.question():
        async with aclosing(_run_question(holder, question)) as batches:
            async for batch in batches:
                yield batch


async def _run_question(
    holder: EngineHolder, question: QuestionRequest
) -> AsyncGenerator[tuple[QuestionEvent, ...], None]:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[QuestionEvent | Exception | None] = asyncio.Queue()

    def put(item: QuestionEvent | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(arrived.put_nowait, item)

    lease = EngineLease(holder, lambda ahead: put(Waiting(ahead)))
    deadline = loop.time() + holder.settings.ui_deadline
    Thread(target=_run, args=(lease, question, put), name="citedesk-question", daemon=True).start()
    try:
        ended = False
        while not ended:
            batch = [await _in_time(arrived.get(), deadline - loop.time(), holder.settings.ui_deadline)]
            while not arrived.empty():
                batch.append(arrived.get_nowait())
            events = tuple(item for item in batch if item is not None and not isinstance(item, Exception))
            if events:
                yield events
            for failure in batch:
                if isinstance(failure, Exception):
                    raise failure
            ended = None in batch
    finally:
        lease.cancel()


async def _in_time(item: Coroutine[Any, Any, _T], left: float, deadline: float) -> _T:
    try:
        return await asyncio.wait_for(item, max(left, 0.0))
    except TimeoutError:
        raise overdue(deadline) from None


def overdue(deadline: float) -> Overdue:
    """Return the error of a question that took longer than `deadline` seconds."""
    return Overdue(
        f"The question was stopped after {deadline:g} seconds, the time that a question has here "
        "(CITEDESK_UI_DEADLINE). Ask again, or ask for less."
    )


class EngineLease:
    """The use of an engine for one question; cancel() ends its search and its endpoint's work, from any thread.

    `on_position` receives the number of searches ahead, whenever it changes.
    """

    def __init__(self, holder: EngineHolder, on_position: Callable[[int], None] = lambda ahead: None) -> None:
        self.holder = holder
        self._on_position = on_position
        self._cancelled = Flag()
        self._searches = 0
        self._chats: list[ChatModel] = []

    @property
    def cancelled(self) -> bool:
        """Whether cancel() was called."""
        return self._cancelled.is_set()

    def engine(self, session: SessionSettings) -> Engine:
        """Return the engine with a session's settings; raises CitedeskError as `EngineHolder.session_engine` does."""
        return self.holder.session_engine(session, self._add_chat, self._search_slot)

    def cancel(self) -> None:
        """End the work at once."""
        self._cancelled.set()
        for chat in tuple(self._chats):
            chat.close()
        self.holder.search_queue.wake()

    def _search_slot(self) -> AbstractContextManager[None]:
        self._searches += 1
        return self.holder.search_queue.slot(self._on_position, self._cancelled.is_set, self._searches == 1)

    def _add_chat(self, chat: ChatModel) -> None:
        self._chats.append(chat)  # before the check: whichever comes second, this or cancel(), closes it
        if self.cancelled:
            chat.close()


def _run(lease: EngineLease, question: QuestionRequest, put: _Put) -> None:
    try:
        _answer(lease, question, put)
    except CitedeskError as error:
        put(error)
    except Exception as error:  # the caller gets one line, the log has the rest
        logger.exception("question=failed")
        put(CitedeskError(f"{type(error).__name__}: {error}. Ask again; if it stays so, please report this."))
    put(None)


def _answer(lease: EngineLease, question: QuestionRequest, put: _Put) -> None:
    if not lease.holder.status.ready:
        put(Waiting(0))
    engine = lease.engine(question.session)
    written = question.session.written
    with closing(engine.ask(question.text, question.overrides, written, question.history)) as events:
        for event in events:
            if lease.cancelled:
                return
            if isinstance(event, (FirstHits, Retrieved)):
                put(SearchedIndex(engine.library.manifest.generation))
            put(event)
