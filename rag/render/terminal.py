"""Results as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import fill

from rag.answer import Answer, Citation, SentenceVerdict
from rag.generation.extractive import completeness
from rag.index.update import BuildSummary
from rag.query.overrides import describe_filters, filter_phrases
from rag.render.actions import ORDER_WORDS, action_text
from rag.render.notices import notices_text
from rag.text.display import display_title, format_count
from rag.text.sanitize import strip_invisible
from rag.types import Hit, Paper, Query, Verdict

SAID: Mapping[SentenceVerdict | None, str] = {
    "supported": "supported",
    "not_found": "not found in the abstract",
    "contradicted": "abstract says otherwise",
    "uncited": "without a citation",
}
"""The verdicts in words; others are not shown."""

QUOTE_SAID: Mapping[Verdict, str] = {
    "supported": "supports it",
    "not_found": "the nearest sentence",
    "contradicted": "says otherwise",
}
"""What a quote does for the sentence that cites its paper."""


def understood(query: Query) -> str | None:
    """Return the filters and the order that were understood, and what is unsure, in words; None where nothing is."""
    parts = [f"papers {describe_filters(query.filters)}"] if query.filters else []
    parts += [f"not on {' or '.join(query.excluded)}"] if query.excluded else []
    parts += [ORDER_WORDS[query.order]] if query.order else []
    parts += ["as a list, as what it asks for is unsure (--kind to say it)"] if "kind" in query.unsure else []
    lifted = f" (--drop {', --drop '.join(filter_phrases(query.filters))} to lift)" if query.filters else ""
    return f"Understood: {', '.join(parts)}{lifted}." if parts else None


def understood_as(query: Query) -> str | None:
    """Return what a follow-up does, or the question that it stands for; None for a question that stands alone."""
    if said := action_text(query):
        return f"Understood as: {said}"
    if query.standalone is None:
        return None
    among = f" (among {len(query.papers)} papers)" if len(query.papers) > 1 and query.kind != "lookup" else ""
    return f"Understood as: {query.asked}{among}"


def answer_to_text(answer: Answer, width: int) -> str:
    """Lay out an answer: its text, the papers it cites, and the nearest of the others."""
    return safe(_wrapped(answer.text, width)) + "\n" + sources_to_text(answer, width)


def sources_to_text(answer: Answer, width: int) -> str:
    """Lay out what follows an answer's text."""
    parts = []
    if as_one := understood_as(answer.query):
        parts.append(_wrapped(as_one, width))
    if (said := understood(answer.query)) and answer.citations:
        parts.append(_wrapped(said, width))
    if notice := notices_text(answer.notices):
        parts.append(_wrapped(f"Note: {notice}", width))
    if answer.sentences:
        parts.append(_verdicts(answer, width))
    if answer.sentences and answer.missed:
        parts.append(completeness(len(answer.citations), answer.missed))
    for heading, citations in (("Papers", answer.citations), ("Nearest papers, not cited", answer.near_misses)):
        if citations:
            parts.append("\n".join([heading, *(_listed(each, width) for each in citations)]))
    return "".join(f"\n{safe(part)}\n" for part in parts)


def hits_to_text(hits: Sequence[Hit], width: int) -> str:
    """Lay out a ranking, one entry per paper."""
    if not hits:
        return "No paper was found.\n"
    return safe("\n".join(_entry(f"{hit.rank:>3}. ", hit.paper, width) for hit in hits)) + "\n"


def summary_to_text(summary: BuildSummary) -> str:
    """Summarize an index run in one line."""
    counts = ("added", "replaced", "removed", "unchanged")
    done = ", ".join(f"{getattr(summary, name)} {name}" for name in counts)
    return f"{done}, {len(summary.failed)} failed\n"


def safe(text: str) -> str:
    """Remove control characters, with which a text could control the terminal or reverse its direction."""
    return strip_invisible(text)


def _verdicts(answer: Answer, width: int) -> str:
    """Count the model's sentences by verdict, and list those with one against them, with the reason."""
    own = [sentence for sentence in answer.sentences if sentence.origin != "added"]
    counts = Counter(sentence.verdict for sentence in own)
    shares = [f"{counts[verdict]} {SAID[verdict]}" for verdict in SAID if counts[verdict]]
    shares += [f"{left} without a verdict"] if (left := len(own) - sum(counts[verdict] for verdict in SAID)) else []
    lines = [f"Checked {format_count(len(own), 'sentence')} of the model: {', '.join(shares) or 'it wrote none'}."]
    for sentence in own:
        if sentence.verdict in SAID and sentence.verdict != "supported":
            said = " ".join(answer.text[sentence.start : sentence.end].replace("**", "").split())
            reason = f" ({sentence.reason})" if sentence.reason else ""
            text = f"  {SAID[sentence.verdict]}: “{said}”{reason}"
            lines.append(fill(text, width, subsequent_indent="    "))
    return "\n".join(lines)


def _listed(citation: Citation, width: int) -> str:
    entry = _entry(f"[{citation.n}] " if citation.n else "  - ", citation.paper, width)
    return f"{entry}\n{_indented(f'Screened: {citation.why}', width)}" if citation.why else entry


def _indented(text: str, width: int) -> str:
    return fill(text, width, initial_indent="    ", subsequent_indent="    ")


def _entry(label: str, paper: Paper, width: int) -> str:
    indent = " " * len(label)
    title = f"{display_title(paper.title)} ({paper.date or 'no date'})"
    lines = [fill(title, width, initial_indent=label, subsequent_indent=indent)]
    return "\n".join([*lines, indent + paper.url] if paper.url else lines)


def _wrapped(text: str, width: int) -> str:
    return "\n".join(
        fill(line.replace("**", ""), width, subsequent_indent="  " if line.startswith("- ") else "")
        for line in text.split("\n")
    )
