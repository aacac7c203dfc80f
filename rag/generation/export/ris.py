"""Papers in RIS, which reference managers import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.text.sanitize import decode_visible
from rag.types import Paper


def to_ris(papers: Iterable[Paper]) -> str:
    """Return a record per paper; no text of a paper begins a line of its own."""
    return "\n".join("".join(f"{tag}  - {value}\n" for tag, value in _fields(paper)) for paper in papers)


def _fields(paper: Paper) -> Iterator[tuple[str, str]]:
    yield "TY", "GEN"
    yield "TI", _line(latex_to_text(paper.title))
    for author in paper.authors:
        yield "AU", _line(author)
    if paper.date:
        yield "PY", paper.date[:4]
        yield "DA", "/".join([*paper.date.split("-"), "", ""][:3]) + "/"
    if paper.venue:
        yield "T2", _line(paper.venue)
    if link := safe_link(paper.url):
        yield "UR", link
    yield "AB", _line(latex_to_text(paper.abstract))
    yield "ID", _line(paper.paper_id)
    yield "ER", ""


def _line(text: str) -> str:
    return " ".join(decode_visible(text).split())
