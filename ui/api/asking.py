"""A desk's work for programs: search, ask and look up, as the JSON that the command line prints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from rag.answer import Done, Event
from rag.corpus.records import paper_to_record
from rag.errors import CitedeskError
from rag.render.json import answer_to_json, event_to_json, search_to_json
from ui.api.asked import AskRequest, SearchRequest
from ui.api.replies import NotThere, error_line
from ui.api.streams import Named
from ui.asking import AT_ONCE, Hold, Waiting, events
from ui.choice import Choice
from ui.desk import Desk

T = TypeVar("T")
_SIDE_BY_SIDE = 16  # threads that wait for the models or search


class Answers:
    """Asks a desk; waits so many seconds for its models before it raises CitedeskError."""

    def __init__(self, desk: Desk, patience: float = 30.0) -> None:
        self.desk = desk
        self._patience = patience
        self._limit = anyio.CapacityLimiter(_SIDE_BY_SIDE)
        self._asking = asyncio.Semaphore(AT_ONCE)

    async def ready(self) -> None:
        """Wait until there is something to ask; raises CitedeskError, which says why there is not."""
        if not self.desk.status.ready:
            with anyio.move_on_after(self._patience):
                await self._in_thread(self.desk.engine, self._patience)
            if not self.desk.status.ready:
                raise CitedeskError(f"{self.desk.status.message} Ask again soon.")

    async def search(self, request: SearchRequest) -> dict[str, Any]:
        """Find papers; cancelling it ends the work, also what an endpoint does for it."""
        await self.ready()
        hold, choice = Hold(self.desk), Choice(written=bool(self.desk.settings.recall))
        try:
            return await self._in_thread(_search, hold, request, choice)
        finally:
            hold.stop()

    async def ask(self, request: AskRequest) -> dict[str, Any]:
        """Answer a question; cancelling it ends the work."""
        await self.ready()
        async with aclosing(self._events(request)) as stream:
            async for event in stream:
                if isinstance(event, Done):
                    return answer_to_json(event.answer)
        raise CitedeskError("The answer broke off. Ask again.")

    async def events(self, request: AskRequest) -> AsyncGenerator[Named, None]:
        """Yield what becomes of a question, by name; what goes wrong is the last of it."""
        try:
            async with aclosing(self._events(request)) as stream:
                async for event in stream:
                    yield ("waiting", {"ahead": event.ahead}) if isinstance(event, Waiting) else event_to_json(event)
        except CitedeskError as error:
            yield "error", {"error": error_line(error)}

    async def paper(self, paper_id: str) -> dict[str, Any]:
        """Give all that is known of a paper; raises NotThere."""
        await self.ready()
        paper = self.desk.engine(timeout=0).library.papers.get(paper_id)
        if paper is None:
            raise NotThere(f"There is no paper {paper_id!r} here.")
        return paper_to_record(paper)

    def status(self) -> dict[str, Any]:
        """Say what can be asked now."""
        status = self.desk.status
        names = ("ready", "message", "papers", "generation", "model")
        return {name: getattr(status, name) for name in names}

    async def _events(self, request: AskRequest) -> AsyncGenerator[Waiting | Event, None]:
        asked = events(self.desk, request.question, request.overrides, request.history, request.written)
        async with self._asking, aclosing(asked) as stream:
            async for event in stream:
                yield event

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limit, abandon_on_cancel=True)


def _search(hold: Hold, request: SearchRequest, choice: Choice) -> dict[str, Any]:
    found = hold.engine(choice).search(request.question, request.overrides)
    return search_to_json(found.query, found.hits[: request.k], found.timings_ms, found.notices, found.usage)
