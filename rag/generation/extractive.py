"""Extractive answers: the point first, then each cited paper's own sentences, verbatim except for their LaTeX."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from rag.answer import Comparison, EstimatedMissing, Group
from rag.generation.comparison import said_in
from rag.generation.forms import FORMS, write_form
from rag.generation.quotation import quoted
from rag.generation.records import record_line
from rag.text.display import capitalized, display_title, format_count
from rag.types import Evidence, Paper, Query, Quote

BESIDE = "Also found"


def write_extractive(
    query: Query,
    evidence: Sequence[Evidence],
    point: str = "",
    groups: Sequence[Group] = (),
    comparison: Comparison | None = None,
) -> str:
    """Return the point, and after it what it does not say: the comparison, or an item per paper under its group.

    An item has the record for metadata questions; title, date and sentences where papers are ordered or looked up;
    else the sentences.
    """
    if query.action and query.action.name in FORMS:
        return write_form(query.action, evidence)
    if comparison:
        items = list(_comparison_lines(comparison, evidence, point))
        shown = {(cell.n, cell.quote.start) for cell in comparison.cells}
        rest = [_left(each, shown, point) if comparison.has_column(each.n) else each for each in evidence]
        beside = [each for each in rest if each.quotes or not comparison.has_column(each.n)]
        if beside:
            items += [*([""] if items else []), f"**{BESIDE}**", "", *(item(query, each) for each in beside)]
    elif query.kind == "metadata":
        items = [record_line(query, each) for each in evidence if f"[{each.n}]" not in point]
    else:
        left = [replace(each, quotes=unsaid(each.paper, each.quotes, point)) for each in evidence]
        by_number = {each.n: item(query, each, point) for each in left if each.quotes or f"[{each.n}]" not in point}
        grouped = _grouped(by_number, groups, whole=query.kind != "summary")
        items = list(grouped if groups else by_number.values())
    parts = [point, "\n".join(items)]
    return "\n\n".join(part for part in parts if part)


def _left(evidence: Evidence, shown: Collection[tuple[int, int]], point: str) -> Evidence:
    """Return a paper with the quotes that are neither in the table nor in the point."""
    quotes = [quote for quote in evidence.quotes if (evidence.n, quote.start) not in shown]
    return replace(evidence, quotes=unsaid(evidence.paper, quotes, point))


def unsaid(paper: Paper, quotes: Sequence[Quote], point: str) -> tuple[Quote, ...]:
    """Return the quotes of a paper that the point of the answer does not have."""
    said = point.replace("**", "")
    return tuple(quote for quote in quotes if quoted(paper, [quote]) not in said)


def item(query: Query, evidence: Evidence, point: str = "") -> str:
    """Return a paper's own sentences as a list item with its marker."""
    title = f"**{display_title(evidence.paper.title)}**"
    named = "" if title in point else heading(query, evidence)
    if not evidence.quotes and not named:
        named = f"{title}: "
    return f"- {named}{quoted(evidence.paper, evidence.quotes)} [{evidence.n}]"


def heading(query: Query, evidence: Evidence) -> str:
    """Return title and date where papers are compared, ordered or looked up, else nothing."""
    if not query.order and query.kind not in ("compare", "lookup"):
        return ""
    return f"**{display_title(evidence.paper.title)}** ({evidence.paper.date or 'no date'}): "


def completeness(scores: Sequence[float | None], missed: EstimatedMissing) -> str:
    """Return in words how many papers an answer has, and how many more there may be.

    `scores` are the probabilities that its papers belong. If fewer than half are expected to, it says how many.
    """
    expected = sum(1.0 if score is None else score for score in scores)
    few = f", of which about {max(round(expected), 1)} belong" if len(scores) > 1 and 2 * expected < len(scores) else ""
    return f"{format_count(len(scores), 'paper')}{few}; {probably_missing(missed)}."


def probably_missing(missed: EstimatedMissing) -> str:
    """Return in words how many more papers there may be."""
    if missed.most == 0:
        return "likely complete"
    more = f"{missed.least}–{missed.most}" if 0 < missed.least < missed.most else f"{missed.most}"
    return f"perhaps {'up to ' if missed.least == 0 else ''}{more} more"


def _grouped(items: Mapping[int, str], groups: Sequence[Group], whole: bool) -> Iterator[str]:
    """Yield each group's heading and items; if not `whole`, one item, and the numbers of the others."""
    for i, group in enumerate(groups):
        if i:
            yield ""
        yield f"**{capitalized(group.name)}**"
        yield ""
        numbers = [n for n in group.numbers if n in items]
        yield from (items[n] for n in (numbers if whole else numbers[:1]))
        if not whole and numbers[1:]:
            yield f"- also {''.join(f'[{n}]' for n in numbers[1:])}"


def _comparison_lines(comparison: Comparison, evidence: Sequence[Evidence], point: str) -> Iterator[str]:
    """Yield a heading for each aspect, and an item for each thing that the papers say it of; nothing said before."""
    papers = {each.n: each.paper for each in evidence}
    begun = False
    for row in comparison.rows:
        items = [
            f"- {names}: {quoted(papers[cell.n], [quote])} [{cell.n}]"
            for names, cell in said_in(comparison.things, row)
            for quote in unsaid(papers[cell.n], [cell.quote], point)
        ]
        if items:
            yield from ["", f"**{row.name}**", "", *items] if begun else [f"**{row.name}**", "", *items]
            begun = True
