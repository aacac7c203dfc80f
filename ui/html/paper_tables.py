"""Cited papers as tables: a sortable list, and a comparison with papers as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.answer import Answer
from rag.generation.extractive import completeness
from rag.text.display import display_line, display_title
from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.types import Hit, Paper
from ui.html.cited_papers import shown_quotes
from ui.html.markup import attributes, bdi, host, link, text
from ui.html.paper_card import quotes_to_html
from ui.html.prose import cite_to_html

_FIRST_AUTHORS = 2


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: for each paper its sort key and its HTML."""

    name: str
    cells: tuple[tuple[str, str], ...]


def table_to_html(exchange_id: str, answer: Answer, hits: Sequence[Hit]) -> str:
    """Return the papers of a list or of records as a sortable table; "" for other answers.

    Columns that are empty for every paper are left out.
    """
    if answer.query.kind not in ("list", "metadata") or not answer.citations:
        return ""
    columns = [each for each in _columns(exchange_id, answer, hits) if any(shown for _, shown in each.cells)]
    heads = "".join(_head(each.name, i) for i, each in enumerate(columns))
    rows = "".join(
        f"<tr>{''.join(f'<td{attributes(data_sort=key)}>{shown}</td>' for key, shown in row)}</tr>"
        for row in zip(*(each.cells for each in columns), strict=True)
    )
    label = text(f"Papers cited: {answer.query.question}")
    return (
        f'{_complete(answer)}<div class="cd-wide" role="region" tabindex="0" aria-label="{label}">'
        f'<table class="cd-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def comparison_to_html(exchange_id: str, answer: Answer) -> str:
    """Return the cited papers side by side, a column each."""
    citations = shown_quotes(answer)
    rows: Mapping[str, list[str]] = {
        "Date": [text(each.paper.date or "not known") for each in citations],
        "Authors": [_authors(each.paper) or "not known" for each in citations],
        "Venue": [_known(each.paper.venue) or "not known" for each in citations],
        "Code": [_code(each.paper) or "none known" for each in citations],
        "What it says": [quotes_to_html(each.quotes) or "no sentence was chosen" for each in citations],
    }
    heads = "".join(
        f'<th scope="col">{cite_to_html(exchange_id, each.n or 0)} {_title(each.paper)}</th>' for each in citations
    )
    lines = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for name, cells in rows.items()
    )
    return (
        f'<div class="cd-wide" role="region" tabindex="0" aria-label="Side by side: {text(answer.query.question)}">'
        f'<table class="cd-compare"><thead><tr><td></td>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _head(name: str, column: int) -> str:
    label = '<span aria-hidden="true">#</span><span class="cd-hidden">Number</span>' if name == "Number" else name
    sorted_now = "ascending" if name == "Number" else "none"
    first = "descending" if name in ("Date", "Probability") else "ascending"
    given = attributes(type="button", class_="cd-sort", data_action="sort", data_column=column, data_first=first)
    return f'<th scope="col" aria-sort="{sorted_now}"><button{given}>{label}</button></th>'


def _columns(exchange_id: str, answer: Answer, hits: Sequence[Hit]) -> list[_Column]:
    scores = {hit.paper.paper_id: hit.score for hit in hits} if answer.query.kind == "list" else {}
    cited, papers = answer.citations, [citation.paper for citation in answer.citations]
    return [
        _Column("Number", tuple((str(each.n), cite_to_html(exchange_id, each.n or 0)) for each in cited)),
        _Column("Title", tuple((display_title(paper.title).casefold(), _title(paper)) for paper in papers)),
        _Column("Date", tuple((paper.date or "", _date(paper)) for paper in papers)),
        _Column("Authors", tuple((_surname(paper), _authors(paper)) for paper in papers)),
        _Column("Venue", tuple((paper.venue or "", _known(paper.venue)) for paper in papers)),
        _Column("Code", tuple(("with code" if paper.code else "", _code(paper)) for paper in papers)),
        _Column("Probability", tuple(_probability(scores.get(paper.paper_id)) for paper in papers)),
    ]


def _probability(score: float | None) -> tuple[str, str]:
    return ("", "") if score is None else (f"{score:.6f}", f"{100 * score:.0f} %")


def _complete(answer: Answer) -> str:
    """Return how complete the list is."""
    if not answer.missed:
        return ""
    return f'<p class="cd-complete">{text(completeness(len(answer.citations), answer.missed))}</p>'


def _title(paper: Paper) -> str:
    title = display_title(paper.title)
    address = safe_link(paper.url)
    if not address:
        return f'<span class="cd-row-title">{bdi(title)}</span>'
    given = attributes(class_="cd-row-title", href=address, target="_blank", rel="noopener noreferrer")
    return f'<a{given}>{bdi(title)}<span class="cd-hidden"> (opens in a new tab)</span></a>'


def _date(paper: Paper) -> str:
    return f"<time>{text(paper.date)}</time>" if paper.date else ""


def _authors(paper: Paper) -> str:
    names = ", ".join(bdi(latex_to_text(author)) for author in paper.authors[:_FIRST_AUTHORS])
    more = len(paper.authors) > _FIRST_AUTHORS or (bool(names) and not paper.authors_complete)
    return f"{names} et al." if more else names


def _surname(paper: Paper) -> str:
    return paper.authors[0].split()[-1].casefold() if paper.authors and paper.authors[0].split() else ""


def _known(value: str | None) -> str:
    return bdi(display_line(latex_to_text(value))) if value else ""


def _code(paper: Paper) -> str:
    return link(paper.code, host(paper.code or "") or "code", f"code of {display_title(paper.title)}")
