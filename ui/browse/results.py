"""HTML of the Browse tab: the list of papers, the card that a row unfolds to, and the labels of the facets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rag.corpus.links import Relation
from rag.generation.export import EXPORT_FORMS
from rag.text.display import display_title
from rag.text.latex import latex_to_text
from rag.types import Paper
from ui.browse.collection import Collection
from ui.browse.facets import BrowseQuery, Facets
from ui.browse.topic_map import point_numbers
from ui.export import quotes_at
from ui.html.paper_card import card_to_html
from ui.pages import html

PAGE = 50
_SHOWN_AUTHORS = 2
_USES: Mapping[Relation, str] = {
    "builds_on": "this paper builds on its",
    "compared_with": "this paper is compared with its",
    "mentions": "this paper mentions its",
}
_USED: Mapping[Relation, str] = {
    "builds_on": "builds on",
    "compared_with": "is compared with",
    "mentions": "mentions",
}
Choices = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Results:
    """The list of papers as HTML, and the facet values with their counts."""

    html: str
    facets: Facets


def find_papers(collection: Collection, query: BrowseQuery, start: int = 0) -> Results:
    """Return a page of what a query finds, from the paper at `start` on."""
    papers, facets = collection.select(query)
    shown = papers[start : start + PAGE]
    topics = {paper.paper_id: name for paper in shown if (name := collection.topic_name(paper.paper_id))}
    matching = matching_points(papers, point_numbers(collection.atlas))
    return Results(results_to_html(papers, query, topics, matching, len(collection.papers), start), facets)


def paper_to_html(collection: Collection, paper_id: str, element_id: str, quotes: str = "") -> str | None:
    """Return a paper's card with the papers similar to it; None if there is no such paper.

    `quotes` are spans of the abstract to mark, as in "33-70 80-95".
    """
    paper = collection.papers.get(paper_id)
    if paper is None:
        return None
    similar = collection.similar(paper_id)
    return html(
        "browse/paper.html",
        card=card_to_html(paper, element_id=element_id, quotes=quotes_at(quotes, paper), level=3),
        title=display_title(paper.title),
        linked=linked_rows(collection, paper_id),
        similar=[_row(collection.papers[each.paper_id], f"similarity {each.similarity:.2f}") for each in similar],
    )


def linked_rows(collection: Collection, paper_id: str) -> list[dict[str, Any]]:
    """Return the rows of the papers whose names a paper uses, and of those that use its names."""
    links, papers = collection.links, collection.papers
    return [
        *(_row(papers[link.target_id], f"{_USES[link.relation]} {link.name}") for link in links.of(paper_id)),
        *(_row(papers[link.source_id], f"{_USED[link.relation]} {link.name}") for link in links.to(paper_id)),
    ]


def results_to_html(
    papers: Sequence[Paper],
    query: BrowseQuery,
    topics: Mapping[str, str],
    matching: str,
    total: int,
    start: int = 0,
) -> str:
    """Return a page of `papers`; `topics` maps paper ids to topic names, `matching` is of `matching_points`.

    `total` counts all papers of the collection.
    """
    shown = min(len(papers), start + PAGE)
    return html(
        "browse/results.html",
        rows=[_row(paper, topics.get(paper.paper_id)) for paper in papers[start:shown]],
        found=len(papers),
        shown=shown,
        total=total,
        next_count=min(PAGE, len(papers) - shown),
        matching=matching,
        query=query.to_url_query(),
        formats=EXPORT_FORMS,
    )


def notice_to_html(sentence: str, kind: Literal["wait", "error"]) -> str:
    """Return one sentence in place of content that is missing."""
    return html("browse/notice.html", sentence=sentence, kind=kind)


def matching_points(papers: Sequence[Paper], numbers: Mapping[str, int]) -> str:
    """List the points of the map that papers have: "all" if none is missing, "none" if there are none."""
    found = sorted(numbers[paper.paper_id] for paper in papers if paper.paper_id in numbers)
    return "all" if len(found) == len(numbers) else " ".join(map(str, found)) or "none"


def first_authors(paper: Paper) -> str:
    """Return the first two authors and the count of the others: "Ada Quill, Bo Tanaka and 3 more"."""
    first = paper.authors[:_SHOWN_AUTHORS]
    count = paper.known_author_count
    names = ", ".join(latex_to_text(name) for name in first)
    if count is None:
        return f"{names} and others"
    return f"{names} and {count - len(first)} more" if count > len(first) else names


def year_choices(facets: Facets) -> Choices:
    """Return the years as choices labelled with their counts."""
    return [(f"{year} ({count})", year) for year, count in facets.years]


def topic_choices(collection: Collection, facets: Facets) -> Choices:
    """Return the topics as choices labelled with their counts."""
    names = {topic.topic_id: topic.name for topic in collection.atlas.topics}
    return [(f"{names[topic_id]} ({count})", str(topic_id)) for topic_id, count in facets.topics]


def code_label(facets: Facets) -> str:
    """Return the label of the filter for papers with code, with its count."""
    return f"With code ({facets.with_code})"


def _row(paper: Paper, beside: str | None) -> dict[str, Any]:
    """Return the values of a row; `beside` is shown beside the paper's record."""
    authors = first_authors(paper) if paper.authors else ""
    return {"paper": paper, "title": display_title(paper.title), "authors": authors, "beside": beside}
