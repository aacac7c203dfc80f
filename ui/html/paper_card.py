"""A paper as a card: its record, its quotes with their verdicts, its whole abstract, and why it was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rag.render.terminal import QUOTE_SAID
from rag.text.display import display_line, display_title, format_count
from rag.text.latex import latex_to_text
from rag.types import Paper, Quote, Signal
from ui.export.bibtex import to_bibtex
from ui.html.markup import bdi, button, details, host, link, text

_SHOWN_AUTHORS = 3  # of many; one more than that is not worth folding
_SIGNALS: Mapping[Signal, tuple[str, str]] = {
    "dense": ("Meaning", "cosine of the question with its best passage"),
    "lexical": ("Words", "BM25 of the words of its topic"),
    "maxsim": ("Word by word", "mean of the best cosine of each word, those of its topic counting for more"),
    "belongs": ("Belongs", "logit of the cross-encoder, which reads question and abstract together"),
    "linked": ("Linked", "probability that its link with the paper named is the one asked for"),
    "answers": ("Answers", "logit of the cross-encoder, for whether the abstract answers the question"),
}


def card_to_html(
    paper: Paper,
    *,
    element_id: str,
    n: int | None = None,
    quotes: Sequence[Quote] = (),
    signals: Mapping[Signal, float] = {},
    rank: int | None = None,
    score: float | None = None,
    why: str | None = None,
    level: int = 3,
) -> str:
    """Return the card; `score` is the probability in (0, 1) that the paper belongs, `level` the heading's (2 to 6)."""
    title_id = text(f"{element_id}-title")
    number = f'<span class="cd-n">[{n}]</span> ' if n is not None else ""
    screened = f'<p class="cd-screened">Screened: {bdi(why)}</p>' if why else ""
    found = details("Why it was found", _found(signals, rank, score), "cd-fold cd-found")
    abstract = details("Whole abstract", abstract_to_html(paper, quotes), "cd-fold")
    return (
        f'<article class="cd-card" id="{text(element_id)}" tabindex="-1" aria-labelledby="{title_id}">'
        f'<h{level} class="cd-card-title" id="{title_id}">{number}{bdi(display_title(paper.title))}</h{level}>'
        f"{_meta(paper)}{quotes_to_html(quotes)}{screened}{abstract}{found}{_actions(paper)}</article>"
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
    """Return the whole abstract, LaTeX made latex_to_text, with the quoted words in <mark>."""
    whole, parts, end = paper.abstract, [], 0
    for start, stop in _spans(paper, quotes):
        parts += [_shown(whole[end:start]), f"<mark>{_shown(whole[start:stop])}</mark>"]
        end = stop
    return f'<p class="cd-abstract" dir="auto">{"".join(parts)}{_shown(whole[end:])}</p>'


def quotes_to_html(quotes: Sequence[Quote]) -> str:
    """List quotes in the order of the abstract, each with its verdict in words."""
    if not quotes:
        return ""
    items = "".join(f"<li>{_quote(quote)}</li>" for quote in sorted(quotes, key=lambda quote: quote.start))
    return f'<ul class="cd-quotes">{items}</ul>'


def verdict_to_html(verdict: str, said: str) -> str:
    """Return a verdict in words; its colour and sign only repeat them."""
    return f'<span class="cd-verdict cd-verdict-{verdict}">{text(said)}</span>'


def _meta(paper: Paper) -> str:
    date = f'<time datetime="{text(paper.date)}">{text(paper.date)}</time>' if paper.date else "no date"
    known = (bdi(display_line(latex_to_text(part))) for part in (paper.venue, paper.organisation) if part)
    parts = [part for part in (date, authors_to_html(paper), *known) if part]
    return f'<div class="cd-meta">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def _found(signals: Mapping[Signal, float], rank: int | None, score: float | None) -> str:
    """List in plain words the scores that the paper was found by."""
    rows = [("Rank in the search", str(rank), "")] if rank is not None else []
    if score is not None:
        rows.append(("Probability that it belongs", f"{100 * score:.0f} %", "as the trained ranking estimates it"))
    rows += [(name, f"{signals[key]:.2f}", unit) for key, (name, unit) in _SIGNALS.items() if key in signals]
    shown = [f"<div><dt>{name}</dt><dd><b>{value}</b> <span>{unit}</span></dd></div>" for name, value, unit in rows]
    return f"<dl>{''.join(shown)}</dl>" if shown else ""


def _actions(paper: Paper) -> str:
    title = display_title(paper.title)
    parts = [
        link(paper.url, f"Paper at {host(paper.url or '')}", title),
        link(paper.code, f"Code at {host(paper.code or '')}", title),
        button("Copy BibTeX", "copy-bibtex", "cd-small", data_bibtex=to_bibtex((paper,))),
    ]
    return f'<div class="cd-card-actions">{"".join(part for part in parts if part)}</div>'


def _quote(quote: Quote) -> str:
    said = f" {verdict_to_html(quote.verdict, QUOTE_SAID[quote.verdict])}" if quote.verdict else ""
    return f'<q class="cd-quote" dir="auto">{_shown(quote.text)}</q>{said}'


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
