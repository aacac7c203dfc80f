"""What can be done with an answer: follow up, take it away, rate it; and the receipt that a rating carries (pure)."""

from __future__ import annotations

from typing import Any

from rag.answer import Answer
from rag.render.json import answer_to_json
from ui.exchange import Exchange
from ui.export import answer_to_markdown, to_bibtex, to_csv
from ui.feedback import MAX_REASON_LENGTH
from ui.follow_ups import follow_ups
from ui.questions import overrides_to_json
from ui.render.markup import button, json_script, text

_FORMATS = {"csv": "CSV", "bibtex": "BibTeX", "markdown": "Markdown"}


def follow_to_html(exchange: Exchange) -> str:
    """Offer questions to ask next, and the earlier ones' answer as what they lean on."""
    asked = follow_ups(exchange.answer) if exchange.answer else ()
    chips = "".join(f"<li>{button(each, 'follow', 'cd-chip', data_question=each)}</li>" for each in asked)
    return f'<ul class="cd-chips" aria-label="Questions to ask next">{chips}</ul>' if chips else ""


def actions_to_html(exchange: Exchange) -> str:
    """Offer copies, files and a rating of a whole answer, with the data that they need."""
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
    """Say what was asked of which index and what came of it; `turn` is the exchange as a later question's history."""
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
