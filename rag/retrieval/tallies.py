"""How many papers each venue, author, year or organisation has, as the records say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.text.display import display_name
from rag.text.venues import edition_name, same_venue, venue_keys
from rag.types import Paper, Tally


@dataclass(frozen=True, slots=True)
class TalliedValue:
    """A value of a field, as most papers write it, and the ids of the papers that have it."""

    name: str
    paper_ids: tuple[str, ...]


def tally_papers(papers: Sequence[Paper], by: Tally) -> tuple[TalliedValue, ...]:
    """Return the values of a field with their papers: years in order, others by their number of papers.

    A venue is counted over its years, under all of its names.
    """
    members: dict[str, dict[str, None]] = {}
    names: dict[str, str] = {}
    for paper in papers:
        for value in field_values(paper, by):
            key = value.casefold()
            names.setdefault(key, value)
            members.setdefault(key, {})[paper.paper_id] = None
    if by == "venue":
        members = _same_joined(members, names)
    found = [TalliedValue(names[key], tuple(ids)) for key, ids in members.items()]
    return tuple(sorted(found, key=lambda each: (0 if by == "year" else -len(each.paper_ids), each.name)))


def field_values(paper: Paper, by: str) -> tuple[str, ...]:
    """Return the values of a field of a paper's record; a venue has no year, and "author" has several."""
    if by == "author":
        return tuple(display_name(name) for name in paper.authors)
    value = {"year": str(paper.year or ""), "venue": edition_name(paper.venue or "")}.get(by, paper.organisation or "")
    return (display_name(value),) if value else ()


def with_most(values: Sequence[TalliedValue]) -> tuple[TalliedValue, ...]:
    """Return the values with the most papers; none where there are several and each has one paper."""
    most = max((len(each.paper_ids) for each in values), default=0)
    return tuple(each for each in values if len(each.paper_ids) == most) if most > 1 or len(values) == 1 else ()


def _same_joined(members: Mapping[str, dict[str, None]], names: Mapping[str, str]) -> dict[str, dict[str, None]]:
    """Join the names of one venue, as "ICML" and "International Conference on Machine Learning", to the commonest."""
    joined: dict[str, dict[str, None]] = {}
    behind: dict[str, list[str]] = {}
    for key in sorted(members, key=lambda each: (-len(members[each]), each)):
        same = next(_named_alike(names[key], behind, names), key)
        joined.setdefault(same, {}).update(members[key])
        if same == key:
            for letters in venue_keys(names[key]):
                behind.setdefault(letters, []).append(key)
    return joined


def _named_alike(name: str, behind: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> Iterator[str]:
    candidates = dict.fromkeys(key for letters in venue_keys(name) for key in behind.get(letters, ()))
    return (key for key in candidates if same_venue(name, names[key]))
