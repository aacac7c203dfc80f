"""The papers of an exchange, one row a paper: those that come first, the evidence, those cited, and the nearest others.

A row holds its number, title, sentence and record. Its details are fetched when they are opened, except why the paper
was found, which belongs to the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.answer import Answer, Citation
from rag.generation.extractive import probably_missing, unsaid
from rag.generation.quotation import with_ellipses
from rag.generation.records import asked_record
from rag.render.terminal import QUOTE_VERDICTS, certainty
from rag.text.display import display_line, display_name, display_title
from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.text.tokens import tokenize
from rag.types import Hit, Paper, Quote, Signal
from ui.exchange import Exchange
from ui.html.markup import attributes, bdi, button, details, link, text
from ui.html.prose import row_id, verdict_to_html

PAGE = 20  # rows that are shown at a time
_FIRST_AUTHORS = 2
_MIN_TOGETHER = 3  # papers that can be selected and shown as a table all at once
_WORD = re.compile(r"[^\W_]+(?:[-+.'’/][^\W_]+|×|\s?%)*")
_SIGNALS: Mapping[Signal, tuple[str, str]] = {
    "dense": ("Meaning", "cosine of the question with its best passage"),
    "lexical": ("Words", "BM25 of the words of its topic"),
    "maxsim": ("Word by word", "mean of the best cosine of each word, those of its topic counting for more"),
    "belongs": ("Belongs", "logit of the cross-encoder, which reads question and abstract together"),
    "linked": ("Linked", "probability that its link with the paper named is the one asked for"),
    "answers": ("Answers", "logit of the cross-encoder, for whether the abstract answers the question"),
}


@dataclass(frozen=True, slots=True)
class _Marking:
    """Which words of a sentence are marked: those whose stem is sought, and numbers where a fact is asked for."""

    terms: frozenset[str] = frozenset()
    numbers: bool = False

    def to_html(self, sentence: str) -> str:
        """Escape a sentence, with its marked words in <mark>."""
        parts, end = [], 0
        for match in _WORD.finditer(sentence):
            if self._answers(match[0]):
                parts += [text(sentence[end : match.start()]), f"<mark>{text(match[0])}</mark>"]
                end = match.end()
        return "".join([*parts, text(sentence[end:])]).replace("</mark> <mark>", " ")

    def _answers(self, word: str) -> bool:
        if not self.terms.isdisjoint(tokenize(word)):
            return True
        return self.numbers and word[0].isdigit()


def papers_to_html(exchange: Exchange) -> str:
    """Return the rows: the first hits, then the evidence, at last the cited papers under their groups' headings."""
    answer = exchange.answer
    if answer is None:
        return _list(_pending(exchange), "Papers found so far")
    if not answer.citations:
        return ""
    rows = {each.n: _cited(exchange, answer, each) for each in answer.citations}
    label = f"Papers cited: {answer.query.question}"
    return f"{_bar(answer)}{_list(list(_grouped(answer, rows)), label)}{_more(len(rows))}"


def near_to_html(exchange: Exchange) -> str:
    """Return the nearest papers that are not cited, folded unless none is cited, as after a refusal."""
    answer = exchange.answer
    if answer is None:
        return ""
    rows = [
        _row(exchange, each, f"{exchange.exchange_id}-near{i}", reason=_reason(each))
        for i, each in enumerate(answer.near_misses, start=1)
    ]
    heading = f"Nearest papers, not cited ({len(rows)})" if answer.citations else "Nearest papers"
    return details(heading, _list(rows, heading), "cd-fold cd-near", open=not answer.citations)


def citations_of(exchange: Exchange) -> tuple[Citation, ...]:
    """Return the citations so far; while the answer streams, with the quotes that were chosen as evidence."""
    if exchange.answer:
        return exchange.answer.citations
    chosen = {each.paper.paper_id: each.quotes for each in exchange.evidence or ()}
    return tuple(
        Citation(each.n, each.paper, each.quotes or chosen.get(each.paper.paper_id, ())) for each in exchange.citations
    )


def title_to_html(paper: Paper) -> str:
    """Return the title, as a link where the paper has a safe address."""
    title = display_title(paper.title)
    address = safe_link(paper.url)
    if not address:
        return f"<span>{bdi(title)}</span>"
    given = attributes(href=address, target="_blank", rel="noopener noreferrer")
    return f'<a{given}>{bdi(title)}<span class="cd-hidden"> (opens in a new tab)</span></a>'


def first_authors(paper: Paper) -> str:
    """Return the first two authors, "et al." where there are more; "" where none is known."""
    names = ", ".join(bdi(latex_to_text(author)) for author in paper.authors[:_FIRST_AUTHORS])
    more = len(paper.authors) > _FIRST_AUTHORS or (bool(names) and not paper.authors_complete)
    return f"{names} et al." if more else names


def _pending(exchange: Exchange) -> list[str]:
    """Return the rows of the evidence in its order, numbered once cited; before it is chosen, those of the hits."""
    if exchange.evidence is None:
        found = [Citation(None, hit.paper) for hit in exchange.hits[:PAGE]]
        return [_row(exchange, each, f"{exchange.exchange_id}-h{i}") for i, each in enumerate(found, start=1)]
    numbers = {each.paper.paper_id: each.n for each in exchange.citations}
    rows = []
    for each in exchange.evidence[:PAGE]:
        n = numbers.get(each.paper.paper_id)
        element_id = f"{exchange.exchange_id}-e{each.n}" if n is None else row_id(exchange.exchange_id, n)
        rows.append(_row(exchange, Citation(n, each.paper, each.quotes, score=each.score), element_id))
    return rows


def _cited(exchange: Exchange, answer: Answer, citation: Citation) -> str:
    action = answer.query.action
    bare = answer.comparison is not None or (action is not None and action.name == "titles")
    quotes = () if bare else unsaid(citation.paper, citation.quotes, answer.point)
    asks = answer.query.kind == "metadata" and len(answer.citations) > 1
    record = asked_record(answer.query, citation.paper) if asks else ""
    return _row(exchange, citation, row_id(exchange.exchange_id, citation.n or 0), quotes, record=record)


def _grouped(answer: Answer, rows: Mapping[int | None, str]) -> Iterator[str]:
    """Yield the rows, each once, behind the heading of the first group that has it; the others come last."""
    left = dict(rows)
    for group in answer.groups:
        taken = [left.pop(n) for n in group.numbers if n in left]
        if taken:
            yield f'<li class="cd-group"><h3>{bdi(group.name)}</h3></li>'
            yield from taken
    if left and len(left) < len(rows):
        yield '<li class="cd-group"><h3>Others</h3></li>'
    yield from left.values()


def _bar(answer: Answer) -> str:
    """Return what can be done with all rows, beside what they miss if the point does not say it."""
    missing = probably_missing(answer.missed) if answer.missed and answer.status != "extractive" else ""
    note = f'<p class="cd-complete">{text(missing)}</p>' if missing else ""
    action = answer.query.action
    asked = action is not None and action.name == "table"
    if len(answer.citations) < _MIN_TOGETHER and not asked:
        return note
    table = button("As a table", "table", "cd-small cd-quiet cd-as-table", aria_pressed="false", data_asked=asked)
    every = button("Select all", "pick-all", "cd-small cd-quiet")
    return (
        f'<div class="cd-rows-bar">{note}<div class="cd-set-of" role="toolbar" aria-label="All papers of the answer">'
        f"{every}{table}</div></div>"
    )


def _list(rows: Sequence[str], label: str) -> str:
    return f'<ol class="cd-rows cd-answer-rows" aria-label="{text(label)}">{"".join(rows)}</ol>' if rows else ""


def _more(rows: int) -> str:
    if rows <= PAGE:
        return ""
    label = f"Show {min(PAGE, rows - PAGE)} more of {rows}"
    return f'<p class="cd-rows-more">{button(label, "rows-more", data_page=PAGE)}</p>'


def _row(
    exchange: Exchange,
    citation: Citation,
    element_id: str,
    quotes: Sequence[Quote] | None = None,
    reason: str = "",
    record: str = "",
) -> str:
    """Return a row with the sentences of a paper, or what of its record is asked."""
    paper, shown = citation.paper, citation.quotes if quotes is None else quotes
    title = display_title(paper.title)
    body = f'<p class="cd-says">{text(record)}</p>' if record else _said(exchange, paper, shown)
    number = f'<span class="cd-n">{citation.n}</span> ' if citation.n is not None else ""
    pick = attributes(type="checkbox", class_="cd-pick", aria_label=f"Select: {title}")
    given = attributes(
        class_="cd-row",
        id=element_id,
        tabindex=-1,
        data_n=citation.n,
        data_paper=paper.paper_id,
        data_title=title,
        data_score=None if citation.score is None else f"{citation.score:.6f}",
        data_quotes=" ".join(f"{each.start}-{each.end}" for each in citation.quotes) or None,
    )
    return (
        f'<li{given}><label class="cd-pick-box"><input{pick}></label><div class="cd-row-body">'
        f'<p class="cd-row-title">{number}{title_to_html(paper)}</p>{body}'
        f"{_meta(exchange, citation, reason)}{_found(exchange, citation)}</div></li>"
    )


def _said(exchange: Exchange, paper: Paper, quotes: Sequence[Quote]) -> str:
    """Return the sentences in the order of the abstract, with an ellipsis where something is left out."""
    if not quotes:
        return ""
    fact = exchange.query is not None and exchange.query.kind == "fact"
    marking = _Marking(frozenset(exchange.terms), numbers=fact)
    written = exchange.answer is not None and exchange.answer.status != "extractive"
    pieces = []
    for before, quote, after in with_ellipses(paper, sorted(quotes, key=lambda each: each.start)):
        verdict = (
            f" {verdict_to_html(quote.verdict, QUOTE_VERDICTS[quote.verdict])}" if written and quote.verdict else ""
        )
        sentence = marking.to_html(latex_to_text(quote.text))
        pieces.append(f'{before}<q class="cd-quote" dir="auto">{sentence}</q>{verdict}{after}')
    return f'<p class="cd-says">{" ".join(pieces)}</p>'


def _meta(exchange: Exchange, citation: Citation, reason: str) -> str:
    """Return when, by whom, where, whether with code and data, and how sure, with the button that opens the details.

    How sure the search was is not said of papers that a model chose.
    """
    paper, query = citation.paper, exchange.query
    by_model = exchange.answer is not None and exchange.answer.model is not None
    dated = query is not None and (query.order is not None or query.kind in ("metadata", "lookup"))
    date = paper.date and text(paper.date if dated else paper.date[:4])
    parts = {
        "date": f'<time datetime="{text(paper.date)}" title="{text(paper.date)}">{date}</time>' if paper.date else "",
        "authors": first_authors(paper),
        "venue": bdi(display_name(latex_to_text(paper.venue))) if paper.venue else "",
        "code": link(paper.code, "code", f"of {display_title(paper.title)}"),
        "data": link(paper.data, "data", f"of {display_title(paper.title)}"),
        "sure": text(reason) if reason else "" if by_model else _sure(citation.score),
    }
    shown = "".join(f'<span class="cd-{name}">{part}</span>' for name, part in parts.items() if part)
    title = display_title(paper.title)
    opener = button("Details", "details", "cd-small cd-quiet", aria_expanded="false", aria_label=f"Details: {title}")
    return f'<div class="cd-meta">{shown}{opener}</div>'


def _sure(score: float | None) -> str:
    if score is None:
        return ""
    return f'<span title="Probability that it belongs: {_percent(score)}">{certainty(score)}</span>'


def _reason(citation: Citation) -> str:
    """Return in a few words why a near miss is not cited."""
    if citation.why:
        return f"Not cited: {display_line(citation.why)}"
    return "" if citation.score is None else f"probability {_percent(citation.score)}"


def _percent(score: float) -> str:
    return "under 1 %" if score < 0.005 else f"{100 * min(score, 0.99):.0f} %"


def _found(exchange: Exchange, citation: Citation) -> str:
    """Return why the paper was found, for its details: in plain words, the scores that it was found by."""
    hit = next((each for each in exchange.hits if each.paper.paper_id == citation.paper.paper_id), None)
    rows = [("Screened", citation.why, "")] if citation.why and citation.n is not None else []
    if hit and exchange.query and exchange.query.kind != "metadata":
        rows += _signals(hit)
    if not rows:
        return ""
    shown = "".join(
        f"<div><dt>{name}</dt><dd><b>{text(value)}</b> <span>{unit}</span></dd></div>" for name, value, unit in rows
    )
    return f'<div class="cd-found" hidden><h4>Why it was found</h4><dl>{shown}</dl></div>'


def _signals(hit: Hit) -> list[tuple[str, str, str]]:
    rows = [
        ("Rank in the search", str(hit.rank), ""),
        ("Probability that it belongs", _percent(hit.score), "as the trained ranking estimates it"),
    ]
    return rows + [
        (name, f"{hit.signals[key]:.2f}", unit) for key, (name, unit) in _SIGNALS.items() if key in hit.signals
    ]
