"""The Ask tab: the component that shows the conversation, and the handler that streams an exchange into it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.answer import Done, FirstHits
from rag.errors import CitedeskError
from ui.api.models import MAX_TURNS, AskRequest, parse
from ui.engine_holder import EngineHolder, SessionSettings
from ui.exchange import Exchange
from ui.html.chat_page import ask_tab_frame
from ui.html.exchange_sections import parts_of
from ui.monitoring.monitor import Monitor
from ui.monitoring.requests import CHAT, RequestRecord, failure_status
from ui.questions import QuestionEvent, QuestionRequest, SearchedIndex, Waiting, overrides_to_json, run_question

_EVERY = 0.08  # seconds between two updates of an answer that is being written
_ATTACH = (
    "import(new URL('page/static/conversation.js', document.baseURI))"
    ".then((module) => module.attach({element, props, watch, ask: (asked) => trigger('ask', asked),"
    " halt: () => trigger('halt')}));"
)


def conversation_component() -> gr.HTML:
    """Return the component that shows the exchanges; each update replaces its property `exchange`."""
    return gr.HTML("", html_template=ask_tab_frame(), js_on_load=_ATTACH, apply_default_css=False, exchange=None)


def make_asker(holder: EngineHolder, monitor: Monitor) -> Callable[..., AsyncGenerator[dict[str, Any], None]]:
    """Return the handler of a question; `session` is what the session has set."""

    async def ask(
        session: SessionSettings, event: gr.EventData, request: gr.Request
    ) -> AsyncGenerator[dict[str, Any], None]:
        sent = event._data if isinstance(event._data, dict) else {}
        exchange_id, question = _asked_for(sent)
        exchange = Exchange(exchange_id, question, progress="Searching …")
        with monitor.request(_record(request)) as record:
            try:
                asked = _read(sent, session)
                exchange = replace(exchange, overrides=asked.overrides)
                yield _shown(exchange)
                async with aclosing(run_question(holder, asked)) as stream:
                    async for batch in stream:
                        for item in batch:
                            exchange = _with(exchange, item)
                            if isinstance(item, Done):
                                record.status, record.timings_ms = 200, item.answer.timings_ms
                        yield _shown(exchange)
                        await asyncio.sleep(_EVERY)
            except CitedeskError as error:
                record.status = failure_status(error)
                yield _shown(replace(exchange, error=str(error), progress=""))

    return ask


def _record(request: gr.Request) -> RequestRecord:
    """Return the record of a question, under the id of the HTTP request that brought it."""
    state = request.request.scope["state"]
    return RequestRecord(CHAT, "POST", state["request_id"], state["user"])


def _asked_for(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return the exchange's id and its question; an id that no page of ours sends becomes "x0"."""
    exchange_id = str(data.get("exchange_id", ""))
    return exchange_id if re.fullmatch(r"x[a-z0-9]{1,20}", exchange_id) else "x0", str(data.get("question", ""))


def _read(data: Mapping[str, Any], session: SessionSettings) -> QuestionRequest:
    """Parse what the page asks, of a long conversation the last turns; raises UsageError."""
    sent = {name: data[name] for name in ("question", "overrides", "history") if name in data}
    if isinstance(history := sent.get("history"), list):
        sent["history"] = history[-MAX_TURNS:]
    return replace(parse(AskRequest, sent).to_question(), session=session)


def _with(exchange: Exchange, item: QuestionEvent) -> Exchange:
    """Return the exchange with one more item, and what is in progress."""
    if isinstance(item, Waiting):
        busy = f"Busy: your question is number {item.ahead} in the queue …"
        return replace(exchange, progress=busy if item.ahead else "Waiting for the models to be loaded …")
    if isinstance(item, SearchedIndex):
        return replace(exchange, generation=item.generation)
    exchange = exchange.with_event(item)
    if isinstance(item, Done):
        return exchange
    if isinstance(item, FirstHits):
        return replace(exchange, progress="The first papers; they are being read, and may change …")
    return replace(exchange, progress="Writing …")


def _shown(exchange: Exchange) -> dict[str, Any]:
    """Return the update that shows an exchange; the page keeps it."""
    update: dict[str, Any] = gr.update(
        exchange={
            "id": exchange.exchange_id,
            "overrides": overrides_to_json(exchange.overrides),
            "parts": parts_of(exchange),
            "done": exchange.answer is not None or exchange.error is not None,
        }
    )
    return update
