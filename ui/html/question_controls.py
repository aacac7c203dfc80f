"""How a question was understood, and what a follow-up does, as controls that change or undo it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rag.query.follow_up import is_over_papers
from rag.query.orders import ORDER_WORDS
from rag.query.overrides import describe_filters, filter_phrases
from rag.render.actions import action_text
from rag.text.display import format_count
from rag.text.sanitize import decode_visible
from rag.types import Kind, Query
from ui.exchange import Exchange
from ui.html.markup import attributes, bdi, button, details
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
    chips = [_chip(name, phrase) for name, phrase in _lifted_by_name(query)]
    shown = f'<div class="cd-chips" role="toolbar" aria-label="Understood">{"".join(chips)}</div>' if chips else ""
    standalone = (
        f'<p class="cd-as">Understood as: {bdi(query.standalone)}</p>'
        if query.standalone and query.standalone != query.question and not query.action
        else ""
    )
    return f'{standalone}<div class="cd-understood">{_change(exchange, query)}{shown}</div>'


def _lifted_by_name(query: Query) -> Iterator[tuple[str, str]]:
    """Yield what was understood, by the names that lift it; what is done with the papers before says which they are."""
    action, filters = action_text(query), describe_filters(query.filters)
    if query.action and is_over_papers(query) and action and filters and filters in action:
        yield "papers", f"among the {format_count(query.action.total, 'paper')} before"  # filters follow
    elif action:
        yield "action", action
    elif query.papers:
        yield "papers", f"among {format_count(len(query.papers), 'paper')}"
    yield from filter_phrases(query.filters).items()
    if query.excluded:
        yield "excluded", f"not on {', '.join(query.excluded)}"
    if query.order and query.action is None:
        yield "order", ORDER_WORDS[query.order]
    if query.count and query.tally is None:
        yield "count", f"at most {query.count}"


def _change(exchange: Exchange, query: Query) -> str:
    """Return what the question was read as, which opens to the kind and all constraints as inputs."""
    unsure = " (unsure)" if "kind" in query.unsure else ""
    return details(f"{KINDS[query.kind].capitalize()}{unsure}", _form(exchange, query), "cd-change")


def _kind(exchange: Exchange, query: Query) -> str:
    chosen = query.kind
    kinds = {kind: label for kind, label in KINDS.items() if kind not in ("help", "off-topic") or kind == chosen}
    options = "".join(
        f"<option{attributes(value=kind, selected=kind == chosen)}>{label}</option>" for kind, label in kinds.items()
    )
    select = f"<select{attributes(id=f'{exchange.exchange_id}-kind', data_action='kind')}>{options}</select>"
    return f'<label class="cd-field"><span>Asks for</span>{select}</label>'


def _chip(name: str, phrase: str) -> str:
    given = attributes(
        class_="cd-remove", data_action="lift", data_name=name, aria_label=f"Remove: {decode_visible(phrase)}"
    )
    return f'<span class="cd-chip cd-set">{bdi(phrase)}<button type="button"{given}>×</button></span>'


def _form(exchange: Exchange, query: Query) -> str:
    filters = query.filters
    fields = (
        _field(exchange, "since", "From", filters.since, pattern=_DATE, placeholder="2023-07"),
        _field(exchange, "until", "Until", filters.until, pattern=_DATE, placeholder="2024"),
        _field(exchange, "author", "Author", filters.author),
        _field(exchange, "venue", "Venue", filters.venue),
        _field(exchange, "organisation", "Organisation", filters.organisation),
        _field(exchange, "not_author", "Not by", filters.not_author),
    )
    code = button("With code", "code", "cd-small", data_value="true") if filters.code is None else ""
    literal = "Read it for its meaning" if exchange.overrides.as_is else "Take it literally"
    buttons = '<button type="submit" class="cd-button cd-small cd-main">Apply</button>'
    buttons += code + button(literal, "as-is", "cd-small")
    if overrides_to_json(exchange.overrides):
        buttons += button("Reset", "reset", "cd-small", title="Undo all your changes")
    inputs = _kind(exchange, query) + "".join(fields)
    return f'<form class="cd-constraints" data-form="constraints">{inputs}<div>{buttons}</div></form>'


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
