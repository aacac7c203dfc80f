"""From what is asked of a catalogue to the HTML that answers it (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from ui.browse.catalogue import Catalogue
from ui.browse.chart import map_to_html, point_places
from ui.browse.facets import Facets, Selection
from ui.browse.render import matching_points, paper_to_html, results_to_html

Choices = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """The results, and the facets' values with how many papers each would leave."""

    results: str
    facets: Facets


def page(catalogue: Catalogue, selection: Selection, start: int = 0) -> Page:
    """Show what a selection finds, from a place on."""
    papers, counts = catalogue.select(selection)
    shown = papers[start:]
    topics = {paper.paper_id: name for paper in shown if (name := catalogue.topic_name(paper.paper_id))}
    matching = matching_points(papers, point_places(catalogue.atlas))
    return Page(results_to_html(papers, selection, topics, matching, len(catalogue.papers), start), counts)


def paper(catalogue: Catalogue, paper_id: str, element_id: str) -> str | None:
    """Show a paper with those that are like it; None where there is no such paper."""
    found = catalogue.papers.get(paper_id)
    if found is None:
        return None
    neighbours = [(each, catalogue.papers[each.paper_id]) for each in catalogue.similar(paper_id)]
    return paper_to_html(found, neighbours, element_id)


def chart(catalogue: Catalogue) -> str:
    """Draw the map of a catalogue."""
    return map_to_html(catalogue.atlas, catalogue.papers)


def year_choices(facets: Facets) -> Choices:
    """Label the years with their counts."""
    return [(f"{year} ({count})", year) for year, count in facets.years]


def topic_choices(catalogue: Catalogue, facets: Facets) -> Choices:
    """Label the topics with their counts."""
    names = {topic.topic_id: topic.name for topic in catalogue.atlas.topics}
    return [(f"{names[topic_id]} ({count})", str(topic_id)) for topic_id, count in facets.topics]


def code_label(facets: Facets) -> str:
    """Label the choice of papers with code."""
    return f"With code ({facets.with_code})"
