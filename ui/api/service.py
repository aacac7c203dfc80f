"""What the HTTP API and the MCP tools do: search, ask and look up, as the JSON that the command line prints."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from rag.answer import Citation, Done
from rag.errors import CitedeskError
from rag.render.document import write_papers
from rag.render.json import answer_to_json, event_to_json, paper_to_json, search_to_json
from rag.types import ExportForm, Filters, Overrides, Paper
from ui.api.models import shorten
from ui.api.streams import ServerSentEvent
from ui.engine_holder import EngineHolder, SessionSettings
from ui.monitoring.requests import note_failure, note_timings
from ui.questions import (
    EngineLease,
    QuestionEvent,
    QuestionRequest,
    SearchedIndex,
    Waiting,
    overdue,
    run_question,
)
from ui.search_queue import MAX_QUESTIONS, Busy

UNEXPECTED = "Something went wrong here. The server's log says what."
_MAX_THREADS = 2 * MAX_QUESTIONS  # that wait for the models or search: who is not refused gets one at once
_T = TypeVar("_T")


class PaperNotFound(CitedeskError):
    """A paper_id that the index does not hold."""


class ApiService:
    """Serves one engine; waits up to `patience` seconds for its models before it raises CitedeskError."""

    def __init__(self, holder: EngineHolder, patience: float = 30.0) -> None:
        self.holder = holder
        self._patience = patience
        self._threads = anyio.CapacityLimiter(_MAX_THREADS)

    async def wait_until_ready(self) -> None:
        """Wait until questions can be answered; raises CitedeskError, which says why they cannot be."""
        if not self.holder.status.ready:
            with anyio.move_on_after(self._patience):
                await self._in_thread(self.holder.engine, self._patience)
            if not self.holder.status.ready:
                raise CitedeskError(f"{self.holder.status.message} Ask again soon.")

    async def search(self, question: str, overrides: Overrides, k: int) -> dict[str, Any]:
        """Return the `k` best papers; cancelling it ends the work, including the endpoint's. Raises Busy, Overdue."""
        await self.wait_until_ready()
        lease, deadline = EngineLease(self.holder), self.holder.settings.ui_deadline
        with self.holder.search_queue.question():
            try:
                with anyio.fail_after(deadline):
                    return await self._in_thread(_search, lease, question, overrides, k)
            except TimeoutError:
                raise overdue(deadline) from None
            finally:
                lease.cancel()

    async def ask(self, question: QuestionRequest) -> dict[str, Any]:
        """Return the answer to a question; cancelling it ends the work. Raises Busy, Overdue."""
        await self.wait_until_ready()
        async with aclosing(self._events(question)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return answer_to_json(event.answer)
        raise CitedeskError("The answer broke off. Ask again.")

    async def ask_events(self, question: QuestionRequest) -> AsyncGenerator[ServerSentEvent, None]:
        """Yield the events of a question, the last of which is `done` or `error`; raises Busy before the first."""
        try:
            async with aclosing(self._events(question)) as events:
                async for event in events:
                    if isinstance(event, Waiting):
                        yield "waiting", {"ahead": event.ahead}
                    elif not isinstance(event, SearchedIndex):
                        yield event_to_json(event)
        except Busy:
            raise
        except CitedeskError as error:
            note_failure(error)
            yield "error", {"error": shorten(error)}

    async def paper(self, paper_id: str) -> dict[str, Any]:
        """Return everything that is known of a paper; raises PaperNotFound."""
        await self.wait_until_ready()
        library = self.holder.engine(timeout=0).library
        paper = library.papers.get(paper_id)
        if paper is None:
            raise PaperNotFound(f"There is no paper {paper_id!r} here.")
        return await self._in_thread(paper_to_json, paper, library.papers, library.links)

    async def export(self, form: ExportForm, paper_ids: Sequence[str] | None, filters: Filters) -> str:
        """Return the text of a file of papers that meet the filters; raises PaperNotFound for an unknown id."""
        await self.wait_until_ready()
        papers = self.holder.engine(timeout=0).library.papers
        for paper_id in paper_ids or ():
            if paper_id not in papers:
                raise PaperNotFound(f"There is no paper {paper_id!r} here.")
        chosen = [papers[each] for each in dict.fromkeys(papers if paper_ids is None else paper_ids)]
        return await self._in_thread(_export, form, chosen, filters)

    def status(self) -> dict[str, Any]:
        """Return the state of the server."""
        return asdict(self.holder.status)

    async def _events(self, question: QuestionRequest) -> AsyncGenerator[QuestionEvent, None]:
        async with aclosing(run_question(self.holder, question)) as batches:
            async for batch in batches:
                for event in batch:
                    if isinstance(event, Done):
                        note_timings(event.answer.timings_ms)
                    yield event

    async def _in_thread(self, work: Callable[..., _T], *arguments: object) -> _T:
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._threads, abandon_on_cancel=True)


def _export(form: ExportForm, papers: Sequence[Paper], filters: Filters) -> str:
    return write_papers(form, [Citation(None, paper) for paper in papers if filters.admits(paper)], whole=True)


def _search(lease: EngineLease, question: str, overrides: Overrides, k: int) -> dict[str, Any]:
    engine = lease.engine(SessionSettings(written=bool(lease.holder.settings.recall)))
    found = engine.search(question, overrides)
    note_timings(found.timings_ms)
    return search_to_json(found.query, found.hits[:k], found.timings_ms, found.notices, found.usage)
