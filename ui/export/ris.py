"""Papers as RIS, which reference managers import: a tag and a value a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rag.text.latex import latex_to_text
from rag.text.sanitize import strip_invisible
from rag.types import Paper
from ui.html.markup import safe_link


def to_ris(papers: Iterable[Paper]) -> str:
    """Return an entry per paper."""
    return "".join(
        "".join(f"{tag}  - {value}\r\n" for tag, value in _entry(paper)) + "ER  - \r\n\r\n" for paper in papers
    )


def _entry(paper: Paper) -> Iterator[tuple[str, str]]:
    """Yield the tags that have a value, the type first; no value has a line break, which would end it."""
    yield "TY", "CONF" if paper.venue else "GEN"
    values = [
        ("TI", paper.title),
        *(("AU", author) for author in paper.authors),
        ("PY", (paper.date or "")[:4]),
        ("DA", (paper.date or "").replace("-", "/")),
        ("T2", paper.venue or ""),
        ("PB", paper.organisation or ""),
        ("AB", paper.abstract),
        ("UR", safe_link(paper.url) or ""),
        ("L2", safe_link(paper.code) or ""),
        ("ID", paper.paper_id),
    ]
    for tag, value in values:
        line = " ".join(strip_invisible(latex_to_text(value)).split())
        if line:
            yield tag, line
