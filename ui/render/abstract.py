"""An abstract with its quoted words marked, and the quotes with their verdicts (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.render.terminal import SAID
from rag.text.latex import latex_to_text
from rag.types import Paper, Quote
from ui.render.markup import text


def abstract_to_html(paper: Paper, quotes: Sequence[Quote] = ()) -> str:
    """Show the whole abstract, readable, with the words that were quoted from it in <mark>."""
    whole, parts, end = paper.abstract, [], 0
    for start, stop in _spans(paper, quotes):
        parts += [_shown(whole[end:start]), f"<mark>{_shown(whole[start:stop])}</mark>"]
        end = stop
    return f'<p class="cd-abstract" dir="auto">{"".join(parts)}{_shown(whole[end:])}</p>'


def quotes_to_html(quotes: Sequence[Quote]) -> str:
    """List quotes as they stand in the paper, each with its verdict in words."""
    if not quotes:
        return ""
    items = "".join(f"<li>{_quote(quote)}</li>" for quote in sorted(quotes, key=lambda quote: quote.start))
    return f'<ul class="cd-quotes">{items}</ul>'


def verdict_to_html(verdict: str, said: str) -> str:
    """Say a verdict in words; its colour and sign only repeat them."""
    return f'<span class="cd-verdict cd-verdict-{verdict}">{text(said)}</span>'


def _quote(quote: Quote) -> str:
    said = f" {verdict_to_html(quote.verdict, SAID[quote.verdict])}" if quote.verdict else ""
    return f'<q class="cd-quote" dir="auto">{_shown(quote.text)}</q>{said}'


def _spans(paper: Paper, quotes: Iterable[Quote]) -> list[tuple[int, int]]:
    """Join the quotes that overlap or touch, and leave out those that are not in the abstract where they say."""
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
