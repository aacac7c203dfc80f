"""One exchange as HTML (pure): sections that are always there and in one order, so that each can be renewed alone."""

from __future__ import annotations

from ui.exchange import Exchange
from ui.questions import MAX_QUESTION_LENGTH
from ui.render.actions import actions_to_html, follow_to_html
from ui.render.answer import answer_to_html
from ui.render.cited import cards_to_html, near_to_html
from ui.render.markup import bdi, button, text
from ui.render.understanding import understanding_to_html


def parts_of(exchange: Exchange) -> dict[str, str]:
    """Give the sections by name, in order; the same exchange always gives the same, an empty one included."""
    inside = {
        "question": _question(exchange),
        "progress": _progress(exchange),
        "understanding": understanding_to_html(exchange),
        "answer": answer_to_html(exchange),
        "cards": cards_to_html(exchange),
        "near": near_to_html(exchange),
        "follow": follow_to_html(exchange),
        "actions": actions_to_html(exchange),
    }
    return {name: f'<section data-part="{name}">{html}</section>' for name, html in inside.items()}


def _question(exchange: Exchange) -> str:
    tools = (
        button("Edit", "edit", "cd-small cd-quiet", aria_expanded="false"),
        button("Retry", "retry", "cd-small cd-quiet"),
        button("Copy link", "copy-link", "cd-small cd-quiet"),
    )
    return (
        f'<div class="cd-question"><h2>{bdi(exchange.question)}</h2>'
        f'<div class="cd-set-of">{"".join(tools)}</div></div>{_edit(exchange)}'
    )


def _edit(exchange: Exchange) -> str:
    name = text(f"{exchange.exchange_id}-edit")
    ask = '<button type="submit" class="cd-button cd-small cd-main">Ask again</button>'
    return (
        f'<form class="cd-edit" data-form="edit" hidden><label class="cd-hidden" for="{name}">Your question</label>'
        f'<textarea id="{name}" name="question" rows="2" dir="auto" maxlength="{MAX_QUESTION_LENGTH}">'
        f"{text(exchange.question)}</textarea>"
        f'<div class="cd-set-of">{ask}{button("Cancel", "cancel", "cd-small")}</div></form>'
    )


def _progress(exchange: Exchange) -> str:
    """Say what is under way, or what went wrong."""
    if exchange.error:
        return f'<p class="cd-error" role="alert">{bdi(exchange.error)}</p>'
    busy = " cd-busy" if exchange.progress else ""
    return f'<p class="cd-progress{busy}" role="status">{text(exchange.progress)}</p>'
