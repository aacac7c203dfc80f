"""Results as text for a terminal, without the control characters that could steer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from textwrap import fill
from typing import TYPE_CHECKING

from rag.answer import Answer, Aspect, Citation, Comparison, SentenceVerdict
from rag.generation.comparison import said_in
from rag.generation.extractive import completeness, unsaid
from rag.generation.forms import FORMS
from rag.generation.quotation import quoted
from rag.generation.records import asked_record
from rag.query.orders import ORDER_WORDS
from rag.query.overrides import describe_filters, filter_phrases
from rag.render.actions import action_text
from rag.render.corpus_report import corpus_to_text
from rag.render.markdown import markdown_to_text, plain
from rag.render.notices import notices_text
from rag.text.display import capitalized, display_name, display_title
from rag.text.sanitize import strip_invisible
from rag.types import Hit, Paper, Query, Verdict

if TYPE_CHECKING:
    from rag.index.update import BuildSummary

VERDICTS: Mapping[SentenceVerdict | None, str] = {
    "supported": "supported",
    "not_found": "not found in the abstract",
    "contradicted": "abstract says otherwise",
    "uncited": "without a citation",
}
"""The verdicts in words; others are not shown."""

QUOTE_VERDICTS: Mapping[Verdict, str] = {
    "supported": "supports it",
    "not_found": "the nearest sentence",
    "contradicted": "says otherwise",
}
"""What a quote does for the sentence that cites its paper."""

_NEAR_SHOWN = 4
_COUNTED_SHOWN = 10  # papers of a count, which is the answer
_SURELY, _LIKELY = 0.9, 0.5  # probabilities


def understood(query: Query) -> str | None:
    """Return the filters and the order that were understood, and what is unsure, in words; None where nothing is.

    What the words of an action say is not said again.
    """
    action = action_text(query) or ""
    filters = describe_filters(query.filters)
    parts = [f"papers {filters}"] if filters and filters not in action else []
    parts += [f"not on {' or '.join(query.excluded)}"] if query.excluded and not action else []
    parts += [ORDER_WORDS[query.order]] if query.order and ORDER_WORDS[query.order] not in action else []
    parts += ["as a list, as what it asks for is unsure (--kind to say it)"] if "kind" in query.unsure else []
    lifted = _lifted(query) if filters and filters not in action else ""
    return f"Understood: {', '.join(parts)}{lifted}." if parts else None


def understood_as(query: Query) -> str | None:
    """Return what a follow-up does, or the question that it stands for; None for a question that stands alone."""
    if action := action_text(query):
        filters = describe_filters(query.filters)
        return f"Understood as: {action}{_lifted(query) if filters and filters in action else ''}"
    if query.standalone is None:
        return None
    among = f" (among {len(query.papers)} papers)" if len(query.papers) > 1 and query.kind != "lookup" else ""
    return f"Understood as: {query.asked}{among}"


def _lifted(query: Query) -> str:
    """Return how to lift the filters."""
    return f" (--drop {', --drop '.join(filter_phrases(query.filters))} to lift)"


def answer_to_text(answer: Answer, width: int) -> str:
    """Lay out an answer: its point or its text, the papers it cites, and the nearest of the others."""
    if answer.query.action and answer.query.action.name in FORMS and answer.citations:
        parts = [markdown_to_text(answer.text, width), *_notes(answer, width)]
        return "\n\n".join(map(strip_invisible, parts)) + "\n"
    if answer.status == "extractive" and answer.citations:
        parts = [_wrapped(answer.point, width), *_notes(answer, width), *_entries(answer, width), *_near(answer, width)]
        return "\n\n".join(strip_invisible(part) for part in parts if part) + "\n"
    return strip_invisible(markdown_to_text(answer.text, width)) + "\n" + sources_to_text(answer, width)


def sources_to_text(answer: Answer, width: int) -> str:
    """Lay out what follows the text of an answer that a model wrote, or of a refusal."""
    parts = list(_notes(answer, width))
    if verdicts := _verdicts(answer, width):
        parts.append(verdicts)
    if answer.sentences and answer.missed:
        parts.append(completeness([each.score for each in answer.citations], answer.missed))
    if answer.citations:
        chosen = (replace(each, score=None) for each in answer.citations)  # by a model, however sure the search was
        parts.append("\n".join(["Papers", *(_entry(each, width) for each in chosen)]))
    parts += _near(answer, width)
    return "".join(f"\n{strip_invisible(part)}\n" for part in parts)


def _notes(answer: Answer, width: int) -> Iterator[str]:
    if as_one := understood_as(answer.query):
        yield _wrapped(as_one, width)
    if (reading := understood(answer.query)) and answer.citations:
        yield _wrapped(reading, width)
    if notice := notices_text(answer.notices):
        yield _wrapped(f"Note: {notice}", width)


def _entries(answer: Answer, width: int) -> Iterator[str]:
    """Yield the comparison's rows, and each paper with what the point does not say of it, under its group."""
    papers = {citation.n: citation for citation in answer.citations}
    if answer.comparison:
        yield from (_row(answer.comparison, row, papers, width) for row in answer.comparison.rows)
        table = answer.comparison
        yield "\n".join(
            _entry(each, width, "" if table.has_column(each.n or 0) else quoted(each.paper, each.quotes))
            for each in answer.citations
        )
    elif answer.groups:
        for group in answer.groups:
            entries = (_entry(papers[n], width, _left(papers[n], answer.point)) for n in group.numbers)
            yield "\n".join([f"{capitalized(group.name)} ({len(group.numbers)})", *entries])
    else:
        shown = answer.citations[:_COUNTED_SHOWN] if answer.query.tally else answer.citations
        left = len(answer.citations) - len(shown)
        lines = [_entry(each, width, _said(answer, each), titled=_title(each) not in answer.point) for each in shown]
        yield "\n".join([*lines, f"… and {left} more; --json has all of them"] if left else lines)


def _row(comparison: Comparison, row: Aspect, papers: Mapping[int | None, Citation], width: int) -> str:
    lines = [row.name]
    for names, cell in said_in(comparison.things, row):
        text = f"{names}: {quoted(papers[cell.n].paper, [cell.quote])} [{cell.n}]"
        lines.append(fill(text, width, initial_indent="  ", subsequent_indent="    "))
    return "\n".join(lines)


def _said(answer: Answer, citation: Citation) -> str:
    """Return what a paper says beside the point, or what is asked of its record."""
    if answer.query.kind == "metadata" and f"[{citation.n}]" not in answer.point:
        return asked_record(answer.query, citation.paper)
    return _left(citation, answer.point)


def _left(citation: Citation, point: str) -> str:
    return quoted(citation.paper, unsaid(citation.paper, citation.quotes, point))


def _near(answer: Answer, width: int) -> list[str]:
    """List the nearest papers that are not cited, a few in short; where nothing is cited, all with their links."""
    if not answer.near_misses:
        return []
    if answer.citations:
        shown = answer.near_misses[:_NEAR_SHOWN]
        lines = [fill(f"- {_near_entry(each)}", width, subsequent_indent="  ") for each in shown]
    else:
        lines = [_entry(each, width) for each in answer.near_misses]
    return ["\n".join(["Near, not cited", *lines])]


def _near_entry(citation: Citation) -> str:
    why = f": {citation.why}" if citation.why else ""
    return f"{_title(citation)} ({citation.paper.year or 'no date'}){why}"


def hits_to_text(hits: Sequence[Hit], width: int) -> str:
    """Lay out a ranking, one entry per paper."""
    if not hits:
        return "No paper was found.\n"
    return strip_invisible("\n".join(_hit(f"{hit.rank:>3}. ", hit.paper, width) for hit in hits)) + "\n"


def summary_to_text(summary: BuildSummary) -> str:
    """Summarize an index run in one line, and what it read in a table."""
    counts = ("added", "replaced", "removed", "unchanged")
    done = ", ".join(f"{getattr(summary, name)} {name}" for name in counts)
    return f"{done}, {len(summary.failed)} failed\n{corpus_to_text(summary.corpus)}"


def unsupported_parts(answer: Answer) -> Iterator[tuple[str, str, str | None]]:
    """Yield the parts of a written answer that its papers do not support: verdict in words, text and reason.

    Where the answer cites nothing at all, a notice says so of all its sentences.
    """
    against = ("not_found", "contradicted", "uncited") if answer.citations else ("not_found", "contradicted")
    for unit in (unit for sentence in answer.sentences for unit in sentence.units):
        if unit.verdict in against:
            yield VERDICTS[unit.verdict], " ".join(plain(answer.text[unit.start : unit.end]).split()), unit.reason


def _verdicts(answer: Answer, width: int) -> str:
    """List the parts of a written answer that its papers do not support."""
    lines = [
        fill(f"  {verdict}: “{text}”{f' ({reason})' if reason else ''}", width, subsequent_indent="    ")
        for verdict, text, reason in unsupported_parts(answer)
    ]
    return "\n".join(["Checked against the abstracts:", *lines]) if lines else ""


def _entry(citation: Citation, width: int, text: str = "", titled: bool = True) -> str:
    """Lay out one paper: its title with what is known of it, what it says, and its link."""
    label = f"[{citation.n}] " if citation.n else "  - "
    known = ", ".join(paper_details(citation.paper, citation.score))
    head = f"{_title(citation)} ({known})" if titled else known
    lines = [fill(head, width, initial_indent=label, subsequent_indent="    ")]
    lines += [_indented(text, width)] if text else []
    lines += [_indented(f"Screened: {citation.why}", width)] if citation.why else []
    return "\n".join([*lines, f"    {citation.paper.url}"] if citation.paper.url else lines)


def paper_details(paper: Paper, score: float | None = None) -> list[str]:
    """Return year, first author, venue, whether there are code and data, and how sure it is that the paper belongs."""
    parts = [str(paper.year or "no date")]
    if paper.authors:
        more = len(paper.authors) > 1 or (paper.known_author_count or 1) > 1
        parts.append(f"{display_name(paper.authors[0])}{' and others' if more else ''}")
    parts += [display_name(paper.venue)] if paper.venue else []
    parts += [name for name in ("code", "data") if getattr(paper, name)]
    return [*parts, certainty(score)] if score is not None else parts


def certainty(score: float) -> str:
    """Return the word for a probability in [0, 1]: "surely" from 0.9, "likely" from one half, else "perhaps"."""
    return "surely" if score >= _SURELY else "likely" if score >= _LIKELY else "perhaps"


def _title(citation: Citation) -> str:
    return display_title(citation.paper.title)


def _hit(label: str, paper: Paper, width: int) -> str:
    indent = " " * len(label)
    title = f"{display_title(paper.title)} ({paper.date or 'no date'})"
    lines = [fill(title, width, initial_indent=label, subsequent_indent=indent)]
    return "\n".join([*lines, indent + paper.url] if paper.url else lines)


def _indented(text: str, width: int) -> str:
    return fill(text, width, initial_indent="    ", subsequent_indent="    ")


def _wrapped(text: str, width: int) -> str:
    return "\n".join(
        fill(line.replace("**", ""), width, subsequent_indent="  " if line.startswith("- ") else "")
        for line in text.split("\n")
    )
