"""The conversation's place on the page, and the handler that streams an exchange into it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.answer import Done
from rag.errors import CitedeskError
from ui.api.models import MAX_TURNS, AskRequest, parse
from ui.engine_holder import EngineHolder, SessionSettings
from ui.exchange import Exchange
from ui.questions import QuestionEvent, QuestionRequest, SearchedIndex, Waiting, overrides_to_json, run_question
from ui.render.exchange import parts_of
from ui.render.page import COMPOSER

_EVERY = 0.08  # seconds between two pictures of an answer that is being written
_ATTACH = (
    "import(new URL('page/static/conversation.js', document.baseURI))"
    ".then((module) => module.attach({element, props, watch, ask: (asked) => trigger('ask', asked),"
    " halt: () => trigger('halt')}));"
)


def conversation_place() -> gr.HTML:
    """Make the place where exchanges are shown; its property `exchange` is the one that changes."""
    template = (
        '<div class="cd-holder"><aside class="cd-kept" id="cd-kept" aria-label="Conversations"></aside>'
        '<div class="cd-ask-page"><div class="cd-exchanges" id="cd-exchanges"></div>'
        f'<div class="cd-examples" id="cd-examples"></div>{COMPOSER}</div></div>'
    )
    return gr.HTML("", html_template=template, js_on_load=_ATTACH, apply_default_css=False, exchange=None)


def make_asker(holder: EngineHolder) -> Callable[..., AsyncGenerator[dict[str, Any], None]]:
    """Make the handler of a question; `session` is what the session has set."""

    async def ask(session: SessionSettings, event: gr.EventData) -> AsyncGenerator[dict[str, Any], None]:
        exchange_id, question = _asked_for(event._data)
        exchange = Exchange(exchange_id, question, progress="Searching …")
        try:
            asked = _read(event._data, session)
            exchange = replace(exchange, overrides=asked.overrides)
            yield _shown(exchange)
            async with aclosing(run_question(holder, asked)) as stream:
                async for batch in stream:
                    for item in batch:
                        exchange = _with(exchange, item)
                    yield _shown(exchange)
                    await asyncio.sleep(_EVERY)
        except CitedeskError as error:
            yield _shown(replace(exchange, error=str(error), progress=""))

    return ask


def _asked_for(data: Mapping[str, Any]) -> tuple[str, str]:
    """Give the exchange's id and its question, which the page makes sure of."""
    exchange_id = str(data.get("exchange_id", ""))
    return exchange_id if re.fullmatch(r"x[a-z0-9]{1,20}", exchange_id) else "x0", str(data.get("question", ""))


def _read(data: Mapping[str, Any], session: SessionSettings) -> QuestionRequest:
    """Read what the page asks, of a long conversation the last turns; raises UsageError."""
    sent = {name: data[name] for name in ("question", "overrides", "history") if name in data}
    if isinstance(history := sent.get("history"), list):
        sent["history"] = history[-MAX_TURNS:]
    return replace(parse(AskRequest, sent).to_question(), session=session)


def _with(exchange: Exchange, item: QuestionEvent) -> Exchange:
    """Take in what came, and say what is under way."""
    if isinstance(item, Waiting):
        ahead = f"Waiting: {item.ahead} before you …" if item.ahead else "Waiting for the models to be loaded …"
        return replace(exchange, progress=ahead)
    if isinstance(item, SearchedIndex):
        return replace(exchange, generation=item.generation)
    exchange = exchange.with_event(item)
    return exchange if isinstance(item, Done) else replace(exchange, progress="Writing …")


def _shown(exchange: Exchange) -> dict[str, Any]:
    """Give what the page shows and keeps of an exchange."""
    update: dict[str, Any] = gr.update(
        exchange={
            "id": exchange.exchange_id,
            "overrides": overrides_to_json(exchange.overrides),
            "parts": parts_of(exchange),
            "done": exchange.answer is not None or exchange.error is not None,
        }
    )
    return update
