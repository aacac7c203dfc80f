"""What the records say of papers, as sentences and as list items: authors, date, venue, code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag.query.orders import ORDER_WORDS
from rag.query.overrides import describe_filters
from rag.query.record_fields import fields_asked
from rag.retrieval.tallies import TalliedValue, with_most
from rag.text.display import display_name, display_title, format_count, format_list
from rag.types import Evidence, Paper, Query, wrote

_FIRST_AUTHORS = 3  # named where nobody asks for them
_MOST_LISTED = 10  # values of a tally
_ASKING = frozenset(("records", "count", "same-author", "undo"))
_LINK = re.compile(r"https?://[\w.~:/?#@!$&'*+,;=%-]+")


def record_sentence(query: Query, evidence: Evidence) -> str:
    """Return what is known of one paper as a sentence, what the question names first."""
    paper = evidence.paper
    asked = fields_asked(query.asked)
    date = f"{_published(paper)}, no venue recorded" if "venue" in asked and not paper.venue else _published(paper)
    parts = {"authors": _authors(query, paper), "date": date, "code": _code(paper)}
    first = next((name for name in asked if name in parts), "date" if "venue" in asked else None)
    ordered = sorted(parts, key=lambda name: name != first)
    return f"**{display_title(paper.title)}**: {'; '.join(parts[name] for name in ordered)} [{evidence.n}]."


def records_sentence(query: Query, evidence: Sequence[Evidence]) -> str:
    """Return how many papers the records have, which constraints they meet, and of how many they were counted."""
    action = query.action
    if action and action.name == "same-author":
        return f"{format_count(len(evidence), 'other paper')} by {_named(action.brought)}."
    of = f" {describe_filters(query.filters)}" if query.filters else ""
    if action and action.name == "count" and (of or query.by_topic):
        as_asked = "" if of else " by their abstracts"
        return f"{format_count(len(evidence), 'paper')}{of}, of the {action.total} before{as_asked}."
    order = f", {ORDER_WORDS[query.order]}" if query.order and len(evidence) > 1 else ""
    return f"{format_count(len(evidence), 'paper')}{of}{order}."


def tally_sentence(query: Query, values: Sequence[TalliedValue], counted: int) -> str:
    """Return which values of a field have the most papers, or how many each has, and of how many it is not recorded."""
    field = query.tally or ""
    known = len({paper_id for each in values for paper_id in each.paper_ids})
    constraints = f" {describe_filters(query.filters)}" if query.filters else ""
    of = f"{format_count(counted, 'paper')}{constraints}"
    said = []
    if query.count and values:
        most = with_most(values)
        if most:
            has = "has" if len(most) == 1 else "each have"
            papers = len(most[0].paper_ids)
            said.append(f"{_named(each.name for each in most)} {has} the most papers, {papers} of {of}.")
        else:
            said.append(f"No {field} has more than one of {of}.")
        rest = [each for each in values if each not in most] if most else []
        values = sorted(rest, key=lambda each: -len(each.paper_ids))
    shown = values if field == "year" else values[:_MOST_LISTED]
    left = len(values) - len(shown)
    more = f", and {format_count(left, f'more {field}')}" if left else ""
    if shown:
        listed = ", ".join(f"{each.name} ({len(each.paper_ids)})" for each in shown)
        said.append(f"{'Next' if said else f'{of}, by {field}'}: {listed}{more}.")
    if known < counted:
        unknown = format_count(counted - known, "paper")
        said.append(f"{unknown} {'has' if unknown == '1 paper' else 'have'} no {field} recorded.")
    return " ".join(said)


def record_line(query: Query, evidence: Evidence) -> str:
    """Return a list item with a paper's title, date, number of authors, venue and marker, and what is asked in full."""
    paper, asked = evidence.paper, fields_asked(query.asked)
    count = paper.known_author_count
    parts = [
        paper.date or "no date",
        format_count(count, "author") if count and "authors" not in asked else "",
        display_name(paper.venue) if paper.venue else "",
        "with code" if paper.code and "code" not in asked else "",
        asked_record(query, paper),
    ]
    return f"- {display_title(paper.title)} ({', '.join(part for part in parts if part)}) [{evidence.n}]"


def asked_record(query: Query, paper: Paper) -> str:
    """Return what a question asks of a paper's record beside its date: who wrote it, where it appeared, its code."""
    action = query.action
    if action and action.name not in _ASKING:
        return ""
    if action and action.name == "same-author":
        return f"by {_named(name for name in action.brought if wrote(paper, name))}"
    values = {
        "authors": _authors(query, paper),
        "venue": "" if paper.venue else "no venue recorded",  # one that is recorded is shown anyhow
        "code": _code(paper),
    }
    return "; ".join(values[name] for name in fields_asked(query.asked) if values.get(name))


def _named(names: Iterable[str]) -> str:
    return format_list([display_name(name) for name in names])


def _authors(query: Query, paper: Paper) -> str:
    """Return who wrote a paper: all whom the record names where that is asked, else the first of them."""
    counted = query.order in ("most authors", "fewest authors") or query.filters.least_authors
    shown = len(paper.authors) if "authors" in fields_asked(query.asked) and not counted else _FIRST_AUTHORS
    names = ", ".join(display_name(name) for name in paper.authors[:shown])
    count = paper.known_author_count
    if count is None:
        return f"by {names} and others" if names else "authors not recorded"
    left = count - len(paper.authors[:shown])
    more = f" and {left} more" if names and left > 0 else ""
    unnamed = " (whom the record does not name)" if more and shown >= len(paper.authors) < count else ""
    return f"{format_count(count, 'author')}{f': {names}' if names else ''}{more}{unnamed}"


def _published(paper: Paper) -> str:
    date = f"published {paper.date}" if paper.date else "no date recorded"
    return f"{date} at {display_name(paper.venue)}" if paper.venue else date


def _code(paper: Paper) -> str:
    if paper.code is None:
        return "no code recorded"
    return f"code: {paper.code}" if _LINK.fullmatch(paper.code) else "code is recorded"
