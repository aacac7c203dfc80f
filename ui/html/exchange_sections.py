"""One exchange as HTML: sections that are always present and in the same order, so that each is replaced alone.

The other modules here write the long ones; here are the question, the progress, the follow-ups, and what can be done
with an answer: copy, export, rate, ask again.
"""

from __future__ import annotations

from typing import Any

from rag.answer import Answer
from rag.generation.export import EXPORT_FORMS
from rag.query.limits import MAX_QUESTION_LENGTH
from rag.render.document import answer_to_markdown
from rag.render.json import answer_to_json
from rag.text.display import format_count
from ui.exchange import Exchange
from ui.feedback import MAX_REASON_LENGTH
from ui.html.answer_section import answer_to_html
from ui.html.markup import bdi, button, json_script, text
from ui.html.paper_rows import near_to_html, papers_to_html
from ui.html.question_controls import understanding_to_html
from ui.questions import overrides_to_json
from ui.suggestions import follow_ups


def parts_of(exchange: Exchange) -> dict[str, str]:
    """Return the sections by name, in order; empty ones are included."""
    inside = {
        "question": _question(exchange),
        "understanding": understanding_to_html(exchange),
        "progress": _progress(exchange),
        "answer": answer_to_html(exchange),
        "papers": papers_to_html(exchange),
        "near": near_to_html(exchange),
        "follow": _follow_ups(exchange),
        "actions": _actions(exchange),
    }
    return {name: f'<section data-part="{name}">{html}</section>' for name, html in inside.items()}


def _question(exchange: Exchange) -> str:
    """Return the question; until it is answered, or where it is not, with the buttons to ask it again."""
    tools = "" if exchange.answer else f'<div class="cd-set-of">{_ask_again()}</div>'
    return f'<div class="cd-question"><h2>{bdi(exchange.question)}</h2>{tools}</div>{_edit(exchange)}'


def _ask_again() -> str:
    edit = button("Edit", "edit", "cd-small cd-quiet", aria_expanded="false")
    return edit + button("Retry", "retry", "cd-small cd-quiet")


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
    chips = "".join(button(each, "follow", "cd-chip", data_question=each) for each in asked)
    return f'<div class="cd-chips" role="toolbar" aria-label="Questions to ask next">{chips}</div>' if chips else ""


def _actions(exchange: Exchange) -> str:
    """Return the buttons to ask again, copy, export and rate an answer, with the data that they need."""
    answer = exchange.answer
    if answer is None:
        return ""
    formats = EXPORT_FORMS if answer.citations else {"markdown": "Markdown"}
    tools = [
        *(button(label, "export", "cd-small cd-quiet", data_format=name) for name, label in formats.items()),
        button("Copy answer", "copy-answer", "cd-small cd-quiet"),
        button("Copy link", "copy-link", "cd-small cd-quiet"),
        _ask_again(),
        *(
            button(label, "rate", "cd-small cd-quiet", data_value=value, aria_pressed="false", aria_expanded="false")
            for value, label in (("up", "Helpful"), ("down", "Not helpful"))
        ),
    ]
    return (
        f'<div class="cd-bar"><div class="cd-set-of" role="toolbar" aria-label="The answer">{"".join(tools)}</div>'
        f"{_written_by(answer)}</div>{_reason(exchange)}"
        f"{json_script(receipt(exchange, answer), 'cd-receipt')}"
        f"{json_script({'markdown': answer_to_markdown(answer), 'text': answer.text}, 'cd-exports')}"
    )


def _written_by(answer: Answer) -> str:
    own = {"metadata": "From the records", "help": "What can be asked"}.get(answer.query.kind, "The papers’ own words")
    parts = [f"Written by {answer.model}" if answer.model else own]
    if "total" in answer.timings_ms:
        parts.append(f"{answer.timings_ms['total'] / 1000:.1f} s")
    spent = answer.usage.total
    if spent.calls:
        parts.append(format_count(spent.calls, "call"))
    if spent.prompt_tokens is not None or spent.completion_tokens is not None:
        parts.append(f"{spent.prompt_tokens or 0} tokens read, {spent.completion_tokens or 0} written")
    return "" if answer.status == "refused" else f'<p class="cd-by">{text(" · ".join(parts))}</p>'


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
        "turn": {
            "question": answer.query.question,
            "answer": answer.text,
            "citations": cited,
            "overrides": overrides_to_json(exchange.overrides),
        },
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
