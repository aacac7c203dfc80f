"""The words for what a follow-up does to the answer before it."""

from __future__ import annotations

from collections.abc import Mapping

from rag.generation.export import EXPORT_FORMS
from rag.query.orders import ORDER_WORDS
from rag.query.overrides import describe_filters
from rag.text.display import format_count, format_list
from rag.types import ActionName, Query

_VERBS: Mapping[ActionName, str] = {
    "compare": "compare {papers}",
    "summarise": "summarise {papers}",
    "expand": "tell more of {papers}",
    "pick": "rank {papers} by what is asked",
    "records": "look up {papers}",
    "count": "count {papers}",
    "sort": "sort {papers}",
    "filter": "keep {papers}",
    "drop": "leave out {papers}",
    "group": "group {papers}",
    "shorten": "shorten the answer on {papers}",
    "titles": "list the titles of {papers}",
    "table": "show {papers} as a table",
    "export": "export {papers} as {form}",
    "more": "show the papers that come next",
    "similar": "search for papers like {papers}",
    "same-author": "look up other papers by the authors of {papers}",
    "lift": "search again without {lifted}",
    "undo": "go back to the answer before",
}


def action_text(query: Query) -> str | None:
    """Return what a follow-up does in words: "compare papers 1 and 3 of 8"; None where it does nothing."""
    action = query.action
    if action is None:
        return None
    if action.name == "filter" and action.by:
        return f"keep what is a {action.by} of the {format_count(action.total, 'paper')} before"
    if action.name == "filter" and not query.papers and not query.fixed:
        return f"search again for papers {describe_filters(query.filters)}"
    if action.name == "lift" and action.by:
        return f"search again for papers {describe_filters(query.filters) or 'of any date'}"
    if action.name == "drop" and not (action.numbers or query.excluded) and query.filters:
        return f"keep those {describe_filters(query.filters)} of the {format_count(action.total, 'paper')} before"
    if action.name in ("filter", "drop", "count") and not action.numbers:
        papers = _tested(query)
    elif action.numbers:
        label = "paper" if len(action.numbers) == 1 else "papers"
        papers = f"{label} {format_list([str(number) for number in action.numbers])} of {action.total}"
    else:
        papers = "the paper before" if action.total == 1 else f"the {format_count(action.total, 'paper')} before"
    filled = {
        "papers": papers,
        "form": EXPORT_FORMS[action.form or "bibtex"],
        "lifted": " and ".join(action.lifted) or "filters",
    }
    words = _VERBS[action.name].format(**filled)
    if action.name == "group" and action.by:
        words += f" by {action.by}"
    if action.name == "compare" and action.brought:
        words += f" with {' and '.join(action.brought)}"
    if action.name == "sort" and action.by:
        words += f", those {action.by}"
    if query.order and action.name in ("sort", "records"):
        words += f", {ORDER_WORDS[query.order]}"
    return words


def _tested(query: Query) -> str:
    """Return which of the papers a filter keeps, a count counts, or an exclusion leaves out."""
    action = query.action
    assert action is not None
    among = f"of the {format_count(action.total, 'paper')} before"
    if action.name == "drop":
        topics = " and ".join(f"“{topic}”" for topic in query.excluded)
        return f"those on {topics} {among}" if topics else f"none {among}"
    words = describe_filters(query.filters)
    if not query.fixed:
        words = " and ".join(part for part in (words, f"for “{query.text}”") if part)
    return f"those {words} {among}" if words else f"the {format_count(action.total, 'paper')} before"
