"""The papers of an exchange as cards: those cited or found as evidence, and the nearest others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.answer import Answer, Citation
from rag.text.display import format_count
from rag.types import Evidence, Hit
from ui.exchange import Exchange
from ui.html.markup import details
from ui.html.paper_card import card_to_html
from ui.html.prose import card_id

_FIRST = 4  # cards that are not folded


def citations_of(exchange: Exchange) -> tuple[Citation, ...]:
    """Return the citations so far; while the answer streams, with the quotes that were chosen as evidence."""
    if exchange.answer:
        return exchange.answer.citations
    chosen = {each.paper.paper_id: each.quotes for each in exchange.evidence}
    return tuple(
        Citation(each.n, each.paper, each.quotes or chosen.get(each.paper.paper_id, ())) for each in exchange.citations
    )


def shown_quotes(answer: Answer) -> tuple[Citation, ...]:
    """Return the citations, those of an extractive answer without verdicts: quotes support themselves."""
    if answer.status != "extractive":
        return answer.citations
    return tuple(
        replace(each, quotes=tuple(replace(quote, verdict=None) for quote in each.quotes)) for each in answer.citations
    )


def cards_to_html(exchange: Exchange) -> str:
    """Return the cited papers; while the answer streams, the evidence in its order, numbered once cited."""
    hits, answer = _hits(exchange), exchange.answer
    if answer:
        cited = shown_quotes(answer)
        cards = [_card(exchange, each, card_id(exchange.exchange_id, each.n or 0), hits) for each in cited]
        return _folded(f"{format_count(len(cards), 'paper')} cited", cards)
    numbers = {each.paper.paper_id: each.n for each in exchange.citations}
    cards = [_evidence(exchange, each, numbers.get(each.paper.paper_id), hits) for each in exchange.evidence]
    return _folded(f"{format_count(len(cards), 'paper')} to answer from", cards)


def near_to_html(exchange: Exchange) -> str:
    """Return the nearest papers that are not cited, folded unless none is cited, as after a refusal."""
    if not exchange.answer:
        return ""
    hits = _hits(exchange)
    near = exchange.answer.near_misses
    cards = [_card(exchange, each, f"{exchange.exchange_id}-near{i}", hits) for i, each in enumerate(near, start=1)]
    return _folded("Nearest papers, not cited", cards, not exchange.answer.citations)


def _card(exchange: Exchange, citation: Citation, element_id: str, hits: Mapping[str, Hit]) -> str:
    hit = hits.get(citation.paper.paper_id)
    ranked = exchange.query is not None and exchange.query.kind != "metadata"
    return card_to_html(
        citation.paper,
        element_id=element_id,
        n=citation.n,
        quotes=citation.quotes,
        signals=hit.signals if hit else {},
        rank=hit.rank if hit and ranked else None,
        score=hit.score if hit and ranked else None,
        why=citation.why,
    )


def _evidence(exchange: Exchange, evidence: Evidence, n: int | None, hits: Mapping[str, Hit]) -> str:
    place = f"{exchange.exchange_id}-e{evidence.n}" if n is None else card_id(exchange.exchange_id, n)
    return _card(exchange, Citation(n, evidence.paper, evidence.quotes), place, hits)


def _hits(exchange: Exchange) -> dict[str, Hit]:
    return {hit.paper.paper_id: hit for hit in exchange.hits}


def _folded(heading: str, cards: Sequence[str], opened: bool = True) -> str:
    """Return the first cards, with the others folded to keep what follows within reach."""
    most = _FIRST if len(cards) > _FIRST + 1 else len(cards)
    more = details(f"{len(cards) - most} more", _grid(cards[most:]), "cd-fold cd-rest")
    return details(heading, _grid(cards[:most]) + more, "cd-fold cd-papers", open=opened)


def _grid(cards: Sequence[str]) -> str:
    return f'<div class="cd-cards">{"".join(cards)}</div>' if cards else ""
