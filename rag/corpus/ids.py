"""arXiv ids and DOIs: in a field, in a text, and those by which a paper can be asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from rag.types import Paper

ARXIV_ID = re.compile(r"(?:arXiv:)?([0-9]{4}\.[0-9]{4,5}|[a-z-]+(?:\.[A-Z]{2})?/[0-9]{7})(?:v[0-9]+)?")
_ARXIV_URL = re.compile(rf"https?://(?:www\.)?arxiv\.org/(?:abs|pdf|html)/{ARXIV_ID.pattern}(?:\.pdf)?/?")
_ARXIV_FORM = re.compile(
    r"(?:https?://)?(?:(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html|e-print)/|oai:arxiv\.org:|arxiv:\s*|(?:https?://"
    r"(?:dx\.)?doi\.org/)?10\.48550/arxiv\.)?(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?/?"
    r"(?:\s*\[[\w.-]+\])?",
    re.IGNORECASE,
)
DOI = re.compile(r"10\.\d{4,9}/\S+")
_IN_TEXT = re.compile(
    r"(?:https?://)?(?:(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|arxiv:\s?|\b)"
    r"(?P<arxiv>\d{4}\.\d{4,5}|[a-z-]{2,20}(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?(?![\w.]{0,20}\d)"
    r"|(?:https?://(?:dx\.)?doi\.org/|doi:\s?|\b)(?P<doi>10\.\d{4,9}/[^\s\"<>]+)",
    re.IGNORECASE,
)


def arxiv_month(arxiv_id: str) -> str | None:
    """Return the month of an arXiv id: "2024-07" for 2407.21018; ids before April 2007 begin with an archive name."""
    digits = arxiv_id.rsplit("/", 1)[-1][:4]
    if not digits.isdigit() or not 1 <= int(digits[2:]) <= 12:
        return None
    century = "19" if "/" in arxiv_id and digits >= "91" else "20"
    return f"{century}{digits[:2]}-{digits[2:]}"


def arxiv_id_in(text: str | None) -> str | None:
    """Return the arXiv id, without its version, that a text is or links to, so that all versions are one paper."""
    text = (text or "").strip()
    match = ARXIV_ID.fullmatch(text) or _ARXIV_URL.fullmatch(text)
    return match[1] if match else None


def to_arxiv_id(value: Any) -> str | None:
    """Return the arXiv id, without its version, that a value is or links to; None for any other value."""
    match = _ARXIV_FORM.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or arxiv_month(match[1]) is None:
        return None
    archive, slash, number = match[1].rpartition("/")
    group, dot, subject = archive.partition(".")
    return f"{group.lower()}{dot}{subject.upper()}{slash}{number}"


def to_doi(value: Any) -> str | None:
    """Return the DOI that a value is or links to, as it is written; None for any other value."""
    if not isinstance(value, str):
        return None
    match = DOI.search(unquote(value) if "%2" in value else value)
    return match[0].rstrip(".,;:)]}>\"'").split("?", 1)[0] if match else None


def find_ids(text: str) -> Iterator[tuple[str, str]]:
    """Yield the arXiv ids and DOIs in a text, each with the stretch that states it."""
    for match in _IN_TEXT.finditer(text):
        if match["doi"]:
            yield match["doi"].rstrip(".,;:)]?!").casefold(), match.group()
        elif arxiv_month(match["arxiv"]):
            yield match["arxiv"], match.group()


def arxiv_id_of(paper: Paper) -> str | None:
    """Return the arXiv id that a paper has as its id or in its links."""
    return next(filter(None, (arxiv_id_in(each) for each in (paper.paper_id, paper.url, *paper.urls))), None)


def ids_of(paper: Paper) -> frozenset[str]:
    """Return the ids by which a paper can be asked for: its id, DOI and PubMed id, and those in its links."""
    found = {paper.paper_id.casefold(), (paper.doi or "").casefold(), paper.pmid or ""}
    for link in (paper.url or "", *paper.urls):
        for each, _ in find_ids(link):
            parts = each.split("/") if each.startswith("10.") else [each]
            found.update("/".join(parts[:end]) for end in range(min(2, len(parts)), len(parts) + 1))
    return frozenset(map(without_prefix, filter(None, found)))


def asked_ids(name: str) -> frozenset[str]:
    """Return the ids that a name for one paper may be, as `ids_of` returns them."""
    return frozenset(map(without_prefix, (name.casefold(), *(each for each, _ in find_ids(name)))))


def without_prefix(wanted: str) -> str:
    """Return the arXiv id of a DOI that arXiv gave, else the id as it is."""
    arxiv = re.fullmatch(r"10\.48550/arxiv\.(.+)", wanted)
    return arxiv[1] if arxiv else wanted
