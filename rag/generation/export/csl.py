"""Papers as CSL-JSON, which Zotero, Pandoc and citeproc read (citation-style-language schema 1.0.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from rag.corpus.ids import arxiv_id_of
from rag.generation.export.entry import Name, author_names, entry_type, further_links, parse_name, with_keys
from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.text.sanitize import decode_visible
from rag.types import Paper

_TYPES: Mapping[str, str] = {
    "article": "article-journal",
    "inproceedings": "paper-conference",
    "conference": "paper-conference",
    "proceedings": "book",
    "incollection": "chapter",
    "inbook": "chapter",
    "book": "book",
    "phdthesis": "thesis",
    "mastersthesis": "thesis",
    "thesis": "thesis",
    "techreport": "report",
    "report": "report",
    "unpublished": "manuscript",
    "online": "webpage",
    "dataset": "dataset",
    "software": "software",
    "patent": "patent",
}
_NAMES: Mapping[str, str] = {
    "volume": "volume",
    "number": "issue",
    "pages": "page",
    "publisher": "publisher",
    "school": "publisher",
    "institution": "publisher",
    "address": "publisher-place",
    "issn": "ISSN",
    "isbn": "ISBN",
    "keywords": "keyword",
    "series": "collection-title",
    "language": "language",
    "edition": "edition",
    "note": "note",
}


def to_csl(papers: Iterable[Paper]) -> str:
    """Return a JSON array with an item per paper."""
    items = [_item(key, paper) for key, paper in with_keys(papers)]
    return json.dumps(items, ensure_ascii=False, indent=1) + "\n"


def _item(key: str, paper: Paper) -> dict[str, Any]:
    eprint, kind = arxiv_id_of(paper), entry_type(paper)
    known = dict(paper.bibliography)
    item: dict[str, Any] = {
        "id": key,
        "type": _TYPES.get(kind, "article" if eprint else "document"),  # "article" is a preprint
        "title": _line(latex_to_text(paper.title)),
        "author": [_name(author) for author in author_names(paper)] or _organisation(paper),
        "issued": {"date-parts": [[int(part) for part in paper.date.split("-")]]} if paper.date else None,
        "container-title": _line(paper.venue or ""),
        "editor": [_name(parse_name(each)) for each in re.split(r"\s+and\s+", known.get("editor", "")) if each],
        **{_NAMES[name]: _line(value) for name, value in known.items() if name in _NAMES},
        "DOI": _line(paper.doi or ""),
        "PMID": _line(paper.pmid or ""),
        "URL": safe_link(paper.url),
        "custom": {"urls": list(links)} if (links := further_links(paper)) else None,
        "archive": "arXiv" if eprint else None,
        "archive_location": eprint,
        "abstract": _line(latex_to_text(paper.abstract)),
    }
    return {name: value for name, value in item.items() if value}


def _name(name: Name) -> dict[str, str]:
    if name.literal:
        return {"literal": _line(name.literal)}
    parts = {
        "family": name.surname.removeprefix(name.particle).strip(),
        "given": name.given,
        "non-dropping-particle": name.particle,
        "suffix": name.suffix,
    }
    return {part: _line(value) for part, value in parts.items() if value}


def _organisation(paper: Paper) -> list[dict[str, str]]:
    return [{"literal": _line(paper.organisation)}] if paper.organisation else []


def _line(text: str) -> str:
    return " ".join(decode_visible(text).split())
