"""arXiv ids and DOIs in a text, and the papers that have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rag.corpus.records import arxiv_month
from rag.types import Paper

_ID = re.compile(
    r"(?:https?://)?(?:(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|arxiv:\s?|\b)"
    r"(?P<arxiv>\d{4}\.\d{4,5}|[a-z-]{2,20}(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?(?![\w.]{0,20}\d)"
    r"|(?:https?://(?:dx\.)?doi\.org/|doi:\s?|\b)(?P<doi>10\.\d{4,9}/[^\s\"<>]+)",
    re.IGNORECASE,
)


def find_ids(text: str) -> Iterator[tuple[str, str]]:
    """Yield the arXiv ids and DOIs in a text, each with the stretch that states it."""
    for match in _ID.finditer(text):
        if match["doi"]:
            yield match["doi"].rstrip(".,;:)]?!").casefold(), match.group()
        elif arxiv_month(match["arxiv"]):
            yield match["arxiv"], match.group()


def ids_of(paper: Paper) -> frozenset[str]:
    """Return the ids by which a paper can be asked for: its id, DOI and PubMed id, and those in its links."""
    found = {paper.paper_id.casefold(), (paper.doi or "").casefold(), paper.pmid or ""}
    for link in (paper.url or "", *paper.urls):
        for each, _ in find_ids(link):
            parts = each.split("/") if each.startswith("10.") else [each]
            found.update("/".join(parts[:end]) for end in range(min(2, len(parts)), len(parts) + 1))
    return frozenset(map(without_prefix, filter(None, found)))


def without_prefix(wanted: str) -> str:
    """Return the arXiv id of a DOI that arXiv gave, else the id as it is."""
    arxiv = re.fullmatch(r"10\.48550/arxiv\.(.+)", wanted)
    return arxiv[1] if arxiv else wanted


def papers_with_id(wanted: str, papers: Iterable[Paper]) -> tuple[str, ...]:
    """Return the ids of the papers that have an arXiv id or a DOI, as their id or in their links."""
    arxiv = re.fullmatch(r"10\.48550/arxiv\.(.+)", wanted)
    wanted = arxiv[1] if arxiv else wanted
    edge = re.compile(rf"(?<![\w.]){re.escape(wanted)}(?:v\d+)?(?![\w]|\.\d)", re.IGNORECASE)
    return tuple(
        paper.paper_id
        for paper in papers
        if wanted.casefold() in (paper.paper_id.casefold(), (paper.doi or "").casefold(), paper.pmid)
        or any(edge.search(link) for link in (paper.url or "", *paper.urls))
    )
