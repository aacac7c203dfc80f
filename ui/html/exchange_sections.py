"""One exchange as HTML: sections that are always present and in the same order, so that each is replaced alone.

The other modules here write the long ones; here are the question, the progress, the follow-ups, and what can be done
with an answer: copy, export, rate.
"""

from __future__ import annotations

from typing import Any

from rag.answer import Answer
from rag.render.json import answer_to_json
from ui.exchange import Exchange
from ui.export import answer_to_markdown, to_bibtex, to_csv
from ui.feedback import MAX_REASON_LENGTH
from ui.html.answer_section import answer_to_html
from ui.html.cited_papers import cards_to_html, near_to_html
from ui.html.markup import bdi, button, json_script, text
from ui.html.question_controls import understanding_to_html
from ui.questions import MAX_QUESTION_LENGTH, overrides_to_json
from ui.suggestions import follow_ups

_FORMATS = {"csv": "CSV", "bibtex": "BibTeX", "markdown": "Markdown"}


def parts_of(exchange: Exchange) -> dict[str, str]:
    """Return the sections by name, in order; empty ones are included."""
    inside = {
        "question": _question(exchange),
        "progress": _progress(exchange),
        "understanding": understanding_to_html(exchange),
        "answer": answer_to_html(exchange),
        "cards": cards_to_html(exchange),
        "near": near_to_html(exchange),
        "follow": _follow_ups(exchange),
        "actions": _actions(exchange),
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
    """Return what is in progress, or what went wrong."""
    if exchange.error:
        return f'<p class="cd-error" role="alert">{bdi(exchange.error)}</p>'
    busy = " cd-busy" if exchange.progress else ""
    return f'<p class="cd-progress{busy}" role="status">{text(exchange.progress)}</p>'


def _follow_ups(exchange: Exchange) -> str:
    asked = follow_ups(exchange.answer) if exchange.answer else ()
    chips = "".join(f"<li>{button(each, 'follow', 'cd-chip', data_question=each)}</li>" for each in asked)
    return f'<ul class="cd-chips" aria-label="Questions to ask next">{chips}</ul>' if chips else ""


def _actions(exchange: Exchange) -> str:
    """Return the buttons to copy, export and rate a complete answer, with the data that they need."""
    answer = exchange.answer
    if answer is None:
        return ""
    formats = _FORMATS if answer.citations else {"markdown": "Markdown"}
    files = "".join(button(label, "export", "cd-small", data_format=name) for name, label in formats.items())
    rate = "".join(
        button(label, "rate", "cd-small", data_value=value, aria_pressed="false", aria_expanded="false")
        for value, label in (("up", "Helpful"), ("down", "Not helpful"))
    )
    return (
        f'<div class="cd-bar"><div class="cd-set-of" role="group" aria-label="Take it away">'
        f"{button('Copy answer', 'copy-answer', 'cd-small')}{files}</div>"
        f'<div class="cd-set-of" role="group" aria-label="Rate the answer">{rate}</div></div>{_reason(exchange)}'
        f"{json_script(receipt(exchange, answer), 'cd-receipt')}{json_script(_exports(answer), 'cd-exports')}"
    )


def receipt(exchange: Exchange, answer: Answer) -> dict[str, Any]:
    """Return what a rating records of an answer; `turn` is the exchange as the history of a later question."""
    cited = [citation.paper.paper_id for citation in answer.citations]
    shown = answer_to_json(answer)
    return {
        "question": exchange.question,
        "overrides": overrides_to_json(exchange.overrides),
        **{name: shown[name] for name in ("kind", "filters", "status", "model")},
        "generation": exchange.generation,
        "citations": cited,
        "turn": {"question": answer.query.question, "answer": answer.text, "citations": cited},
    }


def _exports(answer: Answer) -> dict[str, str]:
    return {
        "markdown": answer_to_markdown(answer),
        "bibtex": to_bibtex(citation.paper for citation in answer.citations),
        "csv": to_csv(answer.citations),
        "text": answer.text,
    }


def _reason(exchange: Exchange) -> str:
    name = text(f"{exchange.exchange_id}-reason")
    send = '<button type="submit" class="cd-button cd-small cd-main">Send</button>'
    area = f'<textarea id="{name}" name="reason" rows="2" maxlength="{MAX_REASON_LENGTH}"></textarea>'
    return (
        f'<form class="cd-reason" data-form="reason" hidden><label for="{name}">Why? It is kept on this server with '
        f"the answer, and may be left out.</label>{area}"
        f'<div class="cd-set-of">{send}{button("Cancel", "cancel", "cd-small")}</div></form>'
    )
