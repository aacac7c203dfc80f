"""Papers as BibTeX: no text of a title or name is a LaTeX command or ends an entry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rag.corpus.ids import arxiv_id_of
from rag.generation.export.entry import (
    Name,
    author_names,
    authors_as_given,
    entry_type,
    further_links,
    is_complete,
    with_keys,
)
from rag.text.dates import MONTHS
from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.text.sanitize import decode_visible
from rag.types import Paper

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",  # BibTeX counts braces even after a backslash
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "&%$#_"},
    }
)
_BOOKS = frozenset("inproceedings conference incollection inbook proceedings".split())
_FIELD_NAME = re.compile(r"[a-z][\w:+-]*", re.IGNORECASE | re.ASCII)


def to_bibtex(papers: Iterable[Paper], whole: bool = False) -> str:
    """Return an entry per paper; with `whole` it has the abstract and the links to further pages, code and data too."""
    return "\n".join(_entry(key, paper, whole) for key, paper in with_keys(papers))


def _entry(key: str, paper: Paper, whole: bool) -> str:
    kind = entry_type(paper)
    known = {
        "title": f"{{{{{_text(latex_to_text(paper.title))}}}}}",
        "author": _braced(_authors(paper)),
        **_date(paper),
        **_venue(kind, paper),
        **{name: _braced(_text(value)) for name, value in paper.bibliography if _is_further(name)},
        "doi": _braced(_verbatim(paper.doi)),
        "pmid": _braced(_text(paper.pmid or "")),
        **_eprint(paper),
        "url": _braced(_link(paper)),
    }
    if whole:
        known["urls"] = _braced(" ".join(map(_verbatim, further_links(paper))))
        known |= {name: _braced(_verbatim(safe_link(getattr(paper, name)))) for name in ("code", "data")}
        known["abstract"] = _braced(_text(paper.abstract))
    lines = [f"  {name} = {value}," for name, value in known.items() if value not in ("", "{}", "{{}}")]
    return "\n".join([f"@{kind}{{{key},", *lines, "}", ""])


def _is_further(name: str) -> bool:
    return name != "author" and _FIELD_NAME.fullmatch(name) is not None


def _date(paper: Paper) -> Mapping[str, str]:
    year, month, day = [*(paper.date or "").split("-"), "", ""][:3]
    return {
        "year": _braced(year),
        "month": MONTHS[int(month) - 1].lower() if month else "",
        "day": _braced(str(int(day)) if day else ""),
    }


def _venue(kind: str, paper: Paper) -> dict[str, str]:
    """Return the field of the venue that the entry's type has."""
    if not paper.venue:
        return {}
    name = "booktitle" if kind in _BOOKS else "journal" if kind == "article" or paper.entry_type else "howpublished"
    taken = dict(paper.bibliography)
    name = next(each for each in (name, "booktitle", "journal", "howpublished", "venue") if each not in taken)
    return {name: _braced(_text(paper.venue))}


def _eprint(paper: Paper) -> dict[str, str]:
    found = arxiv_id_of(paper)
    return {"eprint": _braced(found), "archivePrefix": "{arXiv}"} if found else {}


def _authors(paper: Paper) -> str:
    given = authors_as_given(paper)
    names = list(map(_as_given, given)) or [_name(name) for name in author_names(paper) if _text(name.inverted)]
    if not names:
        return f"{{{_text(paper.organisation)}}}" if paper.organisation else ""
    return " and ".join(names if is_complete(paper) else [*names, "others"])


def _as_given(name: str) -> str:
    return f"{{{_text(name.strip('{}'))}}}" if name.startswith("{") else _text(name)


def _name(name: Name) -> str:
    """Return a name as BibTeX reads its parts; in braces if a word of it would separate or end the list of authors."""
    parts = [_text(part) for part in (name.surname, name.suffix, name.given) if part]
    written = ", ".join(parts) if _needs_commas(name) else _text(f"{name.given} {name.surname}".strip())
    if name.literal or re.search(r"\b(?:and|others)\b", written, re.IGNORECASE):
        return f"{{{_text(name.literal) or written}}}"
    return written


def _needs_commas(name: Name) -> bool:
    """Return whether BibTeX would read "Given Surname" otherwise: it takes all but small words for given names."""
    several = " " in name.surname.removeprefix(name.particle).strip()
    return bool(name.suffix or (name.given and several))


def _braced(text: str) -> str:
    return f"{{{text}}}"


def _text(text: str) -> str:
    return " ".join(decode_visible(text).split()).translate(_SPECIAL)


def _verbatim(text: str | None) -> str:
    """Return an address or DOI, which BibTeX styles typeset as it is, without what would end its braces."""
    return "".join(decode_visible(text or "").split()).replace("{", "%7B").replace("}", "%7D")


def _link(paper: Paper) -> str:
    """Return the paper's link, unless the DOI says the same."""
    link = safe_link(paper.url) or ""
    return "" if paper.doi and link.casefold() == f"https://doi.org/{paper.doi}".casefold() else _verbatim(link)
