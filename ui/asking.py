"""A question under way: the engine's events on a thread of their own, handed to whoever awaits them, until it stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, closing, suppress
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

from rag.answer import Event, Retrieved
from rag.errors import CitedeskError
from rag.types import Overrides, Turn
from ui.choice import Choice
from ui.desk import Desk

if TYPE_CHECKING:
    from rag.engine import Engine
    from rag.llm.protocol import ChatModel

AT_ONCE = 64  # questions under way, each on a thread; the searches among them queue at the desk

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The search has not begun: so many are before it; 0 where it is the models that are waited for."""

    ahead: int


@dataclass(frozen=True, slots=True)
class AskedOf:
    """What was found is of this generation of the index."""

    generation: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked, with what the session has chosen."""

    question: str
    overrides: Overrides = Overrides()
    history: tuple[Turn, ...] = ()
    choice: Choice = Choice()


Item = Waiting | AskedOf | Event


async def batches(desk: Desk, asked: Asked) -> AsyncGenerator[tuple[Item, ...], None]:
    """Yield what becomes of a question, all together that has come since the last look; raises CitedeskError.

    The last item is Done. Closing the generator ends the work at once, also what an endpoint does for it.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Item | Exception | None] = asyncio.Queue()

    def hand_over(item: Item | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop is over, and nobody waits
            loop.call_soon_threadsafe(arrived.put_nowait, item)

    work = _Work(desk, asked, hand_over)
    work.start()
    try:
        over = False
        while not over:
            batch = [await arrived.get()]
            while not arrived.empty():
                batch.append(arrived.get_nowait())
            items = tuple(item for item in batch if item is not None and not isinstance(item, Exception))
            if items:
                yield items
            for failure in batch:
                if isinstance(failure, Exception):
                    raise failure
            over = None in batch
    finally:
        work.stop()


async def events(
    desk: Desk,
    question: str,
    overrides: Overrides = Overrides(),
    history: Sequence[Turn] = (),
    use_llm: bool = True,
) -> AsyncGenerator[Waiting | Event, None]:
    """Yield what a program is told of a question, one by one, as it comes; raises as `batches` does."""
    asked = Asked(question, overrides, tuple(history), Choice(written=use_llm))
    async with aclosing(batches(desk, asked)) as stream:
        async for batch in stream:
            for item in batch:
                if not isinstance(item, AskedOf):
                    yield item


class Hold:
    """What a question holds of the desk, which stop() lets go of, from any thread: its place, and an endpoint's work.

    `ahead` is told how many are before it, each time that it changes.
    """

    def __init__(self, desk: Desk, ahead: Callable[[int], None] = lambda before: None) -> None:
        self._desk = desk
        self._ahead = ahead
        self._stopped = Flag()
        self._chats: list[ChatModel] = []

    @property
    def stopped(self) -> bool:
        """Tell whether nobody waits for it any more."""
        return self._stopped.is_set()

    def engine(self, choice: Choice) -> Engine:
        """Give the engine that a session has chosen; raises CitedeskError as `Desk.engine_for` does."""
        return self._desk.engine_for(choice, self._watch, self._place)

    def stop(self) -> None:
        """End the work at once."""
        self._stopped.set()
        for chat in tuple(self._chats):
            chat.close()
        self._desk.turnstile.nudge()

    def _place(self) -> AbstractContextManager[None]:
        return self._desk.turnstile.place(self._ahead, self._stopped.is_set)

    def _watch(self, chat: ChatModel) -> None:
        self._chats.append(chat)  # before the look: whichever comes second, this or stop(), closes it
        if self.stopped:
            chat.close()


class _Work:
    """Runs one question on a thread of its own."""

    def __init__(self, desk: Desk, asked: Asked, hand_over: Callable[[Item | Exception | None], None]) -> None:
        self._desk = desk
        self._asked = asked
        self._hand_over = hand_over
        self._hold = Hold(desk, lambda before: hand_over(Waiting(before)))

    def start(self) -> None:
        Thread(target=self._run, name="citedesk-question", daemon=True).start()

    def stop(self) -> None:
        self._hold.stop()

    def _run(self) -> None:
        try:
            self._answer()
        except CitedeskError as error:
            self._hand_over(error)
        except Exception as error:  # whoever asked is told in one line, and the log has the rest
            logger.exception("question=failed")
            said = f"{type(error).__name__}: {error}. Ask again; if it stays so, please report this."
            self._hand_over(CitedeskError(said))
        self._hand_over(None)

    def _answer(self) -> None:
        if not self._desk.status.ready:
            self._hand_over(Waiting(0))
        asked = self._asked
        engine = self._hold.engine(asked.choice)
        with closing(engine.ask(asked.question, asked.overrides, asked.choice.written, asked.history)) as stream:
            for event in stream:
                if self._hold.stopped:
                    return
                if isinstance(event, Retrieved):
                    self._hand_over(AskedOf(engine.library.manifest.generation))
                self._hand_over(event)
