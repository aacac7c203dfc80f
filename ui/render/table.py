"""Cited papers as tables (pure): a list that sorts, and a comparison with papers as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.answer import Answer, Citation
from rag.display import quotable, readable, shown_title
from rag.extractive import completeness
from rag.types import Hit, Paper
from ui.export.links import safe_link
from ui.render.abstract import quotes_to_html
from ui.render.markup import attributes, bdi, host, link, text
from ui.render.prose import card_id

_COLUMNS = ("n", "Title", "Date", "Authors", "Venue", "Code", "Probability")
_FIRST_AUTHORS = 2


def table_to_html(exchange_id: str, answer: Answer, hits: Sequence[Hit]) -> str:
    """Lay out the papers of a list or of records, a row each; the headings sort. Nothing for other answers."""
    if answer.query.kind not in ("list", "metadata") or not answer.citations:
        return ""
    scores = {hit.paper.paper_id: hit.score for hit in hits} if answer.query.kind == "list" else {}
    columns = [name for name in _COLUMNS if name != "Probability" or scores]
    heads = "".join(_head(name, i) for i, name in enumerate(columns))
    rows = "".join(_row(exchange_id, each, scores) for each in answer.citations)
    whole = (
        f'<p class="cd-complete">{text(completeness(len(answer.citations), answer.missed))}</p>'
        if answer.missed
        else ""
    )
    return (
        f'{whole}<div class="cd-wide" role="region" tabindex="0" aria-label="Table of the papers cited">'
        f'<table class="cd-table" data-sortable><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def comparison_to_html(exchange_id: str, citations: Sequence[Citation]) -> str:
    """Lay out papers side by side, a column each."""
    rows: Mapping[str, list[str]] = {
        "Date": [text(each.paper.date or "not known") for each in citations],
        "Authors": [_authors(each.paper) or "not known" for each in citations],
        "Venue": [_known(each.paper.venue) or "not known" for each in citations],
        "Code": [_code(each.paper) or "none known" for each in citations],
        "What it says": [quotes_to_html(each.quotes) or "no sentence was chosen" for each in citations],
    }
    heads = "".join(f'<th scope="col">{_number(exchange_id, each)} {_title(each.paper)}</th>' for each in citations)
    lines = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for name, cells in rows.items()
    )
    return (
        '<div class="cd-wide" role="region" tabindex="0" aria-label="The papers side by side">'
        f'<table class="cd-compare"><thead><tr><td></td>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _head(name: str, column: int) -> str:
    label = "<span aria-hidden='true'>#</span><span class='cd-hidden'>Number</span>" if name == "n" else name
    sorted_now = "ascending" if name == "n" else "none"
    given = attributes(type="button", class_="cd-sort", data_action="sort", data_column=column)
    return f'<th scope="col" aria-sort="{sorted_now}"><button{given}>{label}</button></th>'


def _row(exchange_id: str, citation: Citation, scores: Mapping[str, float]) -> str:
    paper = citation.paper
    score = scores.get(paper.paper_id)
    cells = [
        (str(citation.n or 0).zfill(6), _number(exchange_id, citation)),
        (shown_title(paper.title).casefold(), _title(paper)),
        (paper.date or "", text(paper.date or "")),
        (paper.authors[0].casefold() if paper.authors else "", _authors(paper)),
        (paper.venue or "", _known(paper.venue)),
        ("0" if paper.code else "1", _code(paper)),
    ]
    if scores:
        cells.append((f"{1 - (score or 0):.6f}", f"{100 * score:.0f} %" if score is not None else ""))
    return f"<tr>{''.join(f'<td{attributes(data_sort=key)}>{shown}</td>' for key, shown in cells)}</tr>"


def _number(exchange_id: str, citation: Citation) -> str:
    n = citation.n or 0
    given = attributes(class_="cd-cite", href=f"#{card_id(exchange_id, n)}", data_n=n)
    return f'<a{given}><span class="cd-hidden">paper </span>[{n}]</a>'


def _title(paper: Paper) -> str:
    title = shown_title(paper.title)
    address = safe_link(paper.url)
    if not address:
        return f'<span class="cd-row-title">{bdi(title)}</span>'
    given = attributes(class_="cd-row-title", href=address, target="_blank", rel="noopener noreferrer")
    return f'<a{given}>{bdi(title)}<span class="cd-hidden"> (opens in a new tab)</span></a>'


def _authors(paper: Paper) -> str:
    names = ", ".join(bdi(readable(author)) for author in paper.authors[:_FIRST_AUTHORS])
    more = len(paper.authors) > _FIRST_AUTHORS or (bool(names) and not paper.authors_complete)
    return f"{names} et al." if more else names


def _known(value: str | None) -> str:
    return bdi(quotable(readable(value))) if value else ""


def _code(paper: Paper) -> str:
    return link(paper.code, host(paper.code or "") or "code", f"code of {shown_title(paper.title)}")
