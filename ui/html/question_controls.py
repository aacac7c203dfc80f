"""How a question was understood, as controls that change it."""

from __future__ import annotations

from collections.abc import Mapping

from rag.query.orders import ORDER_WORDS
from rag.query.overrides import filter_phrases
from rag.render.terminal import understood_as
from rag.text.sanitize import decode_visible
from rag.types import Filters, Kind, Query
from ui.exchange import Exchange
from ui.html.markup import attributes, bdi, button, text
from ui.questions import overrides_to_json

KINDS: Mapping[Kind, str] = {
    "list": "list of papers",
    "fact": "question of fact",
    "compare": "comparison",
    "lookup": "one paper",
    "summary": "overview",
    "metadata": "records only",
    "help": "help",
    "off-topic": "not about papers",
}
"""The kinds of questions in words."""
_DATE = r"[0-9]{4}(-[0-9]{2}){0,2}"


def understanding_to_html(exchange: Exchange) -> str:
    """Return the kind and the constraints, each with a control; "" before they are known."""
    query = exchange.query
    if query is None:
        return ""
    chips = "".join(f"<li>{_chip(name, phrase)}</li>" for name, phrase in filter_phrases(query.filters).items())
    return (
        f'<div class="cd-understood" role="group" aria-label="How the question was understood">{_as_one(query)}'
        f'<ul class="cd-chips"><li>{_kind(exchange, query)}</li>{chips}{_order(query)}'
        f"<li>{_code(query.filters)}</li></ul>{_more(exchange, query.filters)}</div>"
    )


def _as_one(query: Query) -> str:
    said = understood_as(query)
    return f'<p class="cd-as">{bdi(said)}</p>' if said else ""


def _kind(exchange: Exchange, query: Query) -> str:
    chosen = query.kind
    kinds = {kind: said for kind, said in KINDS.items() if kind not in ("help", "off-topic") or kind == chosen}
    options = "".join(
        f"<option{attributes(value=kind, selected=kind == chosen)}>{said}</option>" for kind, said in kinds.items()
    )
    name = f"{exchange.exchange_id}-kind"
    asks = "Asks for (unsure)" if "kind" in query.unsure else "Asks for"
    select = f"<select{attributes(id=name, data_action='kind')}>{options}</select>"
    return f'<span class="cd-chip"><label for="{text(name)}">{asks}</label>{select}</span>'


def _chip(name: str, phrase: str) -> str:
    given = attributes(
        class_="cd-remove", data_action="lift", data_name=name, aria_label=f"Remove: {decode_visible(phrase)}"
    )
    return f'<span class="cd-chip cd-set">{bdi(phrase)}<button type="button"{given}>×</button></span>'


def _order(query: Query) -> str:
    return f'<li><span class="cd-chip">{ORDER_WORDS[query.order]}</span></li>' if query.order else ""


def _code(filters: Filters) -> str:
    """Return a button for papers with code, unless a constraint on code is set, which has a chip."""
    return button("+ with code", "code", "cd-chip", data_value="true") if filters.code is None else ""


def _more(exchange: Exchange, filters: Filters) -> str:
    """Return the other constraints, folded, each as an input."""
    fields = (
        _field(exchange, "since", "From", filters.since, pattern=_DATE, placeholder="2023-07"),
        _field(exchange, "until", "Until", filters.until, pattern=_DATE, placeholder="2024"),
        _field(exchange, "author", "Author", filters.author),
        _field(exchange, "venue", "Venue", filters.venue),
        _field(exchange, "organisation", "Organisation", filters.organisation),
        _field(exchange, "not_author", "Not by", filters.not_author),
    )
    literal = "Read it for its meaning" if exchange.overrides.as_is else "Take it literally"
    buttons = '<button type="submit" class="cd-button cd-small cd-main">Apply</button>'
    buttons += button(literal, "as-is", "cd-small")
    if overrides_to_json(exchange.overrides):
        buttons += button("Reset", "reset", "cd-small", title="Undo all your changes")
    form = f'<form class="cd-constraints" data-form="constraints">{"".join(fields)}<div>{buttons}</div></form>'
    return f'<details class="cd-fold cd-change"><summary>Change</summary>{form}</details>'


def _field(
    exchange: Exchange, name: str, label: str, value: str | None, pattern: str | None = None, placeholder: str = ""
) -> str:
    dated = pattern is not None
    given = attributes(
        id=f"{exchange.exchange_id}-{name}",
        name=name,
        value=value or "",
        pattern=pattern,
        title="A year, a month or a day: 2024, 2024-07 or 2024-07-30" if dated else None,
        placeholder=placeholder or None,
        maxlength=10 if dated else 120,
        autocomplete="off",
    )
    size = " cd-short" if dated else ""
    return f'<label class="cd-field{size}"><span>{label}</span><input type="text"{given}></label>'
