"""Filters in words, and the user's overrides of a query."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from rag.text.dates import first_day, last_day
from rag.text.venues import named_venue_kinds
from rag.types import Filters, Overrides, Query

_DATES = ("since", "until")
_NO_FILTERS = {"excluded": (), "order": None, "count": None, "papers": (), "action": None}
"""What else can be lifted, with its value then; the papers and the action are, where a follow-up is read."""


def filter_phrases(filters: Filters) -> dict[str, str]:
    """Return a phrase such as "dated 2023 or later" for each constraint that is set, by the constraint's name."""
    phrases = {
        "since": filters.since and f"dated {filters.since} or later",
        "until": filters.until and f"dated {filters.until} or earlier",
        "author": filters.author and f"by {filters.author}",
        "coauthors": filters.coauthors and f"by {' and '.join(filters.coauthors)}" + " too" * bool(filters.author),
        "author_count": _author_count(filters.least_authors, filters.most_authors),
        "venue": filters.venue and _at(filters.venue),
        "organisation": filters.organisation and f"from {filters.organisation}",
        "code": None if filters.code is None else "with code" if filters.code else "without code",
        "not_date": filters.not_date and f"not dated {filters.not_date}",
        "not_author": filters.not_author and f"not by {filters.not_author}",
        "not_venue": filters.not_venue and f"not {_at(filters.not_venue)}",
        "not_organisation": filters.not_organisation and f"not from {filters.not_organisation}",
    }
    return {name: phrase for name, phrase in phrases.items() if phrase}


def _at(venue: str) -> str:
    kinds = named_venue_kinds(venue)
    return " or ".join(f"in a {kind}" if kind == "journal" else f"at a {kind}" for kind in kinds) or f"at {venue}"


def describe_filters(filters: Filters) -> str:
    """Return all constraints as one phrase, as in "dated 2024 and by Tri Dao"; "" if none is set."""
    known = filter_phrases(filters)
    if filters.since and filters.since == filters.until:
        known = {"since": f"dated {filters.since}", **{name: known[name] for name in known if name not in _DATES}}
    return " and ".join(known.values())


def apply_overrides(query: Query, overrides: Overrides) -> Query:
    """Return the query with the user's overrides; raises ValueError for an unknown name in `drop`.

    A filter that is set replaces the understood one; with `as_is`, no understood value is kept.
    """
    filters = Filters() if overrides.as_is else query.filters
    for name in sorted(overrides.drop):
        filters = filters.without(name) if name not in _NO_FILTERS else filters
    filters = merge_filters(filters, overrides.filters)
    papers = overrides.papers or query.papers
    if overrides.as_is:
        return Query(query.question, overrides.kind or "fact", query.question, filters, papers=overrides.papers)
    lifted: dict[str, Any] = {
        name: _NO_FILTERS[name] for name in overrides.drop if name in ("excluded", "order", "count")
    }
    kind = overrides.kind or query.kind
    fixed = query.fixed or (bool(overrides.papers) and kind == "compare")
    return replace(query, kind=kind, filters=filters, papers=papers, fixed=fixed, **lifted)


def merge_filters(before: Filters, given: Filters) -> Filters:
    """Return the filters with those given set in their place; a date that contradicts them is removed."""
    values = {each.name: getattr(before, each.name) for each in fields(Filters)}
    chosen = {
        each.name: getattr(given, each.name) for each in fields(Filters) if getattr(given, each.name) != each.default
    }
    if given.since and before.until and first_day(given.since) > last_day(before.until):
        values["until"] = None
    if given.until and before.since and first_day(before.since) > last_day(given.until):
        values["since"] = None
    if given.least_authors or given.most_authors:
        values |= {"least_authors": None, "most_authors": None}
    return Filters(**{**values, **chosen})


def _author_count(least: int | None, most: int | None) -> str | None:
    if least is None and most is None:
        return None
    if least == most:
        return f"with exactly {_authors(least or 0)}"
    if most is None:
        return f"with {least} or more authors"
    return f"with at most {_authors(most)}" if least is None else f"with {least} to {most} authors"


def _authors(count: int) -> str:
    return "one author" if count == 1 else f"{count} authors"
