"""Results as text for a person at a terminal (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import fill

from rag.answer import Answer, Citation
from rag.constraints import phrases, said
from rag.display import readable
from rag.index import Summary
from rag.types import Hit, Paper, Query

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def understood(query: Query) -> str | None:
    """Say what a question was taken to ask beyond its words; None where that is nothing."""
    parts = [f"papers {said(query.filters)}"] if query.filters else []
    parts += [f"the {query.order} first"] if query.order else []
    lifted = f" (--drop {', --drop '.join(phrases(query.filters))} to lift)" if query.filters else ""
    return f"Understood: {', '.join(parts)}{lifted}." if parts else None


def answer_to_text(answer: Answer, width: int) -> str:
    """Lay out an answer: what was found, then the papers it cites, then the nearest ones that it does not."""
    return safe(_wrapped(answer.text, width)) + "\n" + sources_to_text(answer, width)


def sources_to_text(answer: Answer, width: int) -> str:
    """Lay out what stands below an answer's text."""
    parts = []
    if (said := understood(answer.query)) and answer.citations:
        parts.append(_wrapped(said, width))
    if answer.notice:
        parts.append(_wrapped(f"Note: {answer.notice}", width))
    for heading, citations in (("Papers", answer.citations), ("Nearest papers, not cited", answer.near_misses)):
        if citations:
            parts.append("\n".join([heading, *(_listed(each, width) for each in citations)]))
    return "".join(f"\n{safe(part)}\n" for part in parts)


def hits_to_text(hits: Sequence[Hit], width: int) -> str:
    """Lay out a ranking, a paper per entry."""
    if not hits:
        return "No paper was found.\n"
    return safe("\n".join(_entry(f"{hit.rank:>3}. ", hit.paper, width) for hit in hits)) + "\n"


def summary_to_text(summary: Summary) -> str:
    """Say what an index run did, in one line."""
    counts = ("added", "replaced", "removed", "unchanged")
    done = ", ".join(f"{getattr(summary, name)} {name}" for name in counts)
    return f"{done}, {len(summary.failed)} failed\n"


def safe(text: str) -> str:
    """Take out control characters, with which a text could steer the terminal or reverse its direction."""
    return _CONTROL.sub("", text)


def _listed(citation: Citation, width: int) -> str:
    entry = _entry(f"[{citation.n}] " if citation.n else "  - ", citation.paper, width)
    return f"{entry}\n{_indented(f'Screened: {citation.why}', width)}" if citation.why else entry


def _indented(text: str, width: int) -> str:
    return fill(text, width, initial_indent="    ", subsequent_indent="    ")


def _entry(label: str, paper: Paper, width: int) -> str:
    indent = " " * len(label)
    title = f"{' '.join(readable(paper.title).split())} ({paper.date or 'no date'})"
    lines = [fill(title, width, initial_indent=label, subsequent_indent=indent)]
    return "\n".join([*lines, indent + paper.url] if paper.url else lines)


def _wrapped(text: str, width: int) -> str:
    return "\n".join(
        fill(line.replace("**", ""), width, subsequent_indent="  " if line.startswith("- ") else "")
        for line in text.split("\n")
    )
