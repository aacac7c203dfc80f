"""The list of papers, the card that each unfolds to, and the papers that are like it (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.text.display import display_title, format_count
from rag.text.latex import latex_to_text
from rag.types import Paper
from ui.browse.facets import Selection
from ui.browse.similar import Neighbour
from ui.render.card import card_to_html
from ui.render.markup import attributes, bdi, button, text

PAGE = 50
_SHOWN_AUTHORS = 2


def results_to_html(
    papers: Sequence[Paper],
    selection: Selection,
    topics: Mapping[str, str],
    matching: str,
    total: int,
    start: int = 0,
) -> str:
    """Show a page of what was found, from the place `start` on; `topics` names the topic of each paper by its id.

    `matching` is what `matching_points` gives, `total` counts all papers there are.
    """
    shown = min(len(papers), start + PAGE)
    of_all = "" if len(papers) == total else f" of {total}"
    count = f"{format_count(len(papers), 'paper')}{of_all}, {shown} shown" if papers else f"No paper of {total} fits"
    nothing = "" if papers else '<p class="cd-empty">Take a filter away, or type fewer words.</p>'
    items = "".join(f"<li>{_row(paper, topics.get(paper.paper_id))}</li>" for paper in papers[start:shown])
    rows = f'<ol class="cd-rows">{items}</ol>' if papers else nothing
    more = _more(len(papers), shown, selection)
    return (
        f'<section class="cd-browse" aria-label="Papers"{attributes(data_browse_points=matching)}>'
        f'<p class="cd-browse-count" role="status">{count}</p>{rows}{more}</section>'
    )


def paper_to_html(paper: Paper, neighbours: Sequence[tuple[Neighbour, Paper]], element_id: str) -> str:
    """Show a paper's card with what can be done from it: ask about it, or see the papers most like it."""
    ask = button(
        "Ask about this", "browse-ask", "cd-small", data_question=question_about(paper), aria_label=_about("Ask", paper)
    )
    card = card_to_html(paper, element_id=element_id, level=3)
    return f'{card}<div class="cd-browse-actions">{ask}</div>{_similar(paper, neighbours)}'


def question_about(paper: Paper) -> str:
    """Ask for more about a paper by its title."""
    title = display_title(paper.title).replace('"', "'")
    return f'Tell me more about "{title}"'


def notice_to_html(sentence: str, kind: str = "note") -> str:
    """Say one sentence in place of what is not there; `kind` is "note", "wait" or "error"."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="cd-notice cd-notice-{kind}" role="{role}">{text(sentence)}</p>'


def matching_points(papers: Sequence[Paper], places: Mapping[str, int]) -> str:
    """List the places on the map of the papers that were found: "all" where none is missing, "none" for none."""
    found = sorted(places[paper.paper_id] for paper in papers if paper.paper_id in places)
    return "all" if len(found) == len(places) else " ".join(map(str, found)) or "none"


def _row(paper: Paper, beside: str | None) -> str:
    """Show a paper as a row that unfolds; `beside` is what is said of it besides what it says itself."""
    parts = (
        ("date", paper.date and text(paper.date)),
        ("authors", paper.authors and bdi(first_authors(paper))),
        ("beside", beside and bdi(beside)),
        ("code", paper.code and "code"),
    )
    meta = "".join(f'<span class="cd-row-{name}">{part}</span>' for name, part in parts if part)
    return (
        f'<details class="cd-paper"{attributes(data_paper=paper.paper_id)}><summary>'
        f'<span class="cd-row-title">{bdi(display_title(paper.title))}</span>'
        f'<span class="cd-row-meta">{meta}</span></summary>'
        '<div class="cd-paper-body" aria-live="polite"></div></details>'
    )


def first_authors(paper: Paper) -> str:
    """Name the first two authors and count the others: "Ada Quill, Bo Tanaka and 3 more"."""
    first = paper.authors[:_SHOWN_AUTHORS]
    count = paper.known_author_count
    names = ", ".join(latex_to_text(name) for name in first)
    if count is None:
        return f"{names} and others"
    return f"{names} and {count - len(first)} more" if count > len(first) else names


def _more(found: int, shown: int, selection: Selection) -> str:
    """Offer the next page; nothing where all are shown."""
    if shown >= found:
        return ""
    label = f"Show {min(PAGE, found - shown)} more"
    more = button(label, "browse-more", data_query=selection.to_query(), data_from=shown)
    return f'<div class="cd-browse-more">{more}</div>'


def _similar(paper: Paper, neighbours: Sequence[tuple[Neighbour, Paper]]) -> str:
    if not neighbours:
        return ""
    rows = "".join(
        f"<li>{_row(other, f'similarity {neighbour.similarity:.2f}')}</li>" for neighbour, other in neighbours
    )
    return (
        f'<details class="cd-fold cd-similar"><summary>More like this'
        f'<span class="cd-hidden">: {text(display_title(paper.title))}</span></summary>'
        f'<ol class="cd-rows">{rows}</ol></details>'
    )


def _about(what: str, paper: Paper) -> str:
    return f"{what} about this: {display_title(paper.title)}"
