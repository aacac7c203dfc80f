"""The details of a paper: its whole record, its whole abstract with quotes marked, its links, and BibTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.generation.export.bibtex import to_bibtex
from rag.text.display import display_name, display_title, format_count
from rag.text.latex import latex_to_text
from rag.types import Paper, Quote
from ui.html.markup import bdi, button, host, link, text

_SHOWN_AUTHORS = 3  # of many; one more than that is not worth folding


def card_to_html(paper: Paper, *, element_id: str, quotes: Sequence[Quote] = (), level: int = 3) -> str:
    """Return the card; `level` is the heading's (2 to 6)."""
    title_id = text(f"{element_id}-title")
    return (
        f'<article class="cd-card" id="{text(element_id)}" tabindex="-1" aria-labelledby="{title_id}">'
        f'<h{level} class="cd-card-title" id="{title_id}">{bdi(display_title(paper.title))}</h{level}>'
        f"{_meta(paper)}{abstract_to_html(paper, quotes)}{_actions(paper)}</article>"
    )


def authors_to_html(paper: Paper) -> str:
    """Return the authors, of many the first with the others folded; "and others" if some are not known."""
    names = [bdi(latex_to_text(author)) for author in paper.authors]
    count = paper.known_author_count
    unknown = (count - len(names)) if count else 0
    others = f" and {unknown} more" if unknown > 0 else "" if count else " and others"
    if len(names) <= _SHOWN_AUTHORS + 1:
        return ", ".join(names) + others if names else (format_count(count, "author") if count else "")
    rest = names[_SHOWN_AUTHORS:]
    more = f'<details class="cd-more"><summary>and {len(rest)} more</summary>{", ".join(rest)}{others}</details>'
    return f"{', '.join(names[:_SHOWN_AUTHORS])} {more}"


def abstract_to_html(paper: Paper, quotes: Sequence[Quote] = ()) -> str:
    """Return the whole abstract with its LaTeX made readable and the quoted words in <mark>."""
    whole, parts, end = paper.abstract, [], 0
    for start, stop in _spans(paper, quotes):
        parts += [_shown(whole[end:start]), f"<mark>{_shown(whole[start:stop])}</mark>"]
        end = stop
    return f'<p class="cd-abstract" dir="auto">{"".join(parts)}{_shown(whole[end:])}</p>'


def _meta(paper: Paper) -> str:
    date = f'<time datetime="{text(paper.date)}">{text(paper.date)}</time>' if paper.date else "no date"
    known = (bdi(display_name(latex_to_text(part))) for part in (paper.venue, paper.organisation) if part)
    parts = [part for part in (date, authors_to_html(paper), *known) if part]
    return f'<div class="cd-meta">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def _actions(paper: Paper) -> str:
    title = display_title(paper.title)
    about = {"data_paper": paper.paper_id, "data_title": title}
    parts = [
        link(paper.url, f"Paper at {host(paper.url or '')}", title),
        link(paper.code, f"Code at {host(paper.code or '')}", title),
        link(paper.data, f"Data at {host(paper.data or '')}", title),
        button("Ask about this", "about", "cd-small", **about),
        button("Keep for reading", "keep", "cd-small", aria_pressed="false", **about),
        button("Copy BibTeX", "copy-bibtex", "cd-small", data_bibtex=to_bibtex((paper,))),
    ]
    return f'<div class="cd-card-actions">{"".join(part for part in parts if part)}</div>'


def _spans(paper: Paper, quotes: Iterable[Quote]) -> list[tuple[int, int]]:
    """Merge quotes that overlap or touch, and drop those whose text is not at their offsets in the abstract."""
    joined: list[tuple[int, int]] = []
    held = (quote for quote in quotes if 0 <= quote.start < quote.end <= len(paper.abstract))
    for start, end in sorted((q.start, q.end) for q in held if paper.abstract[q.start : q.end] == q.text):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _shown(piece: str) -> str:
    return text(latex_to_text(piece))
