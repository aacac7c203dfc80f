"""Papers in RIS, which reference managers import."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from rag.generation.export.entry import author_names, entry_type, with_keys
from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.text.sanitize import decode_visible
from rag.types import Paper

_TYPES: Mapping[str, str] = {
    "article": "JOUR",
    "inproceedings": "CPAPER",
    "conference": "CPAPER",
    "proceedings": "CONF",
    "incollection": "CHAP",
    "inbook": "CHAP",
    "book": "BOOK",
    "phdthesis": "THES",
    "mastersthesis": "THES",
    "thesis": "THES",
    "techreport": "RPRT",
    "report": "RPRT",
    "unpublished": "UNPB",
    "online": "ELEC",
    "dataset": "DATA",
    "software": "COMP",
    "patent": "PAT",
}
_TAGS: Mapping[str, str] = {
    "volume": "VL",
    "number": "IS",
    "publisher": "PB",
    "address": "CY",
    "issn": "SN",
    "isbn": "SN",
    "edition": "ET",
    "series": "T3",
    "language": "LA",
    "note": "N1",
    "school": "PB",
    "institution": "PB",
}


def to_ris(papers: Iterable[Paper]) -> str:
    """Return a record per paper; no text of a paper begins a line of its own."""
    records = (_fields(key, paper) for key, paper in with_keys(papers))
    return "\n".join("".join(f"{tag}  - {value}\n" for tag, value in record) for record in records)


def _fields(key: str, paper: Paper) -> Iterator[tuple[str, str]]:
    yield "TY", _TYPES.get(entry_type(paper), "GEN")
    yield "TI", _line(latex_to_text(paper.title))
    for author in author_names(paper):
        yield "AU", _line(author.inverted)
    if paper.date:
        yield "PY", paper.date[:4]
        yield "DA", "/".join([*paper.date.split("-"), "", ""][:3]) + "/"
    if paper.venue:
        yield "T2", _line(paper.venue)
    yield from _further(dict(paper.bibliography))
    if paper.doi:
        yield "DO", _line(paper.doi)
    if paper.pmid:
        yield "AN", _line(paper.pmid)
    for url in (paper.url, *paper.urls):
        if link := safe_link(url):
            yield "UR", link
    if paper.abstract:
        yield "AB", _line(latex_to_text(paper.abstract))
    yield "ID", key
    yield "ER", ""


def _further(known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in known.items():
        if name == "pages":
            first, *last = re.split(r"\s*[-–—]+\s*", _line(value), maxsplit=1)
            yield "SP", first
            yield from (("EP", each) for each in last)
        elif name == "keywords":
            yield from (("KW", _line(word)) for word in re.split("[;,]", value) if word.strip())
        elif name == "editor":
            yield from (("ED", _line(editor)) for editor in re.split(r"\s+and\s+", value))
        elif name in _TAGS:
            yield _TAGS[name], _line(value)


def _line(text: str) -> str:
    return " ".join(decode_visible(text).split())
