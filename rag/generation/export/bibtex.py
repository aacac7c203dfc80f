"""Papers as BibTeX: no text of a title or name is a LaTeX command or ends an entry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.text.names import fold_accents
from rag.text.sanitize import decode_visible
from rag.types import Paper

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",  # BibTeX counts braces even behind a backslash
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "&%$#_"},
    }
)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_ARXIV_ID = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7}")
_SMALL_WORDS = frozenset(
    "a an and are as at by can do does for from how in is of on the to towards via what with".split()
)
_JOURNAL = re.compile(r"\b(?:journal|transactions|letters|review|nature|science|tmlr|jmlr|tacl)\b", re.IGNORECASE)
_CONFERENCE = re.compile(
    r"(?i:\b(?:conference|proceedings|workshop|symposium|findings)\b)|\b[A-Za-z]*[A-Z]{2}[A-Za-z]*\b"
)


def to_bibtex(papers: Iterable[Paper]) -> str:
    """Return an entry per paper, with unique keys like dao2022flashattention."""
    held = tuple(papers)
    return "\n".join(_entry(key, paper) for key, paper in zip(_unique(map(_key, held)), held, strict=True))


def _entry(key: str, paper: Paper) -> str:
    kind, venue = _venue(paper.venue)
    month = paper.date and paper.date[5:7]
    fields = {
        "title": f"{{{{{_text(latex_to_text(paper.title))}}}}}",
        "author": f"{{{_authors(paper)}}}",
        "year": f"{{{paper.year or ''}}}",
        "month": _MONTHS[int(month) - 1] if month else "",
        **venue,
        **_eprint(paper.paper_id),
        "url": f"{{{_link(paper.url)}}}",
    }
    lines = [f"  {name} = {value}," for name, value in fields.items() if value not in ("", "{}")]
    return "\n".join([f"@{kind}{{{key},", *lines, "}", ""])


def _venue(venue: str | None) -> tuple[str, dict[str, str]]:
    """Return the entry's type and the field of its venue."""
    if not venue:
        return "misc", {}
    value = f"{{{_text(venue)}}}"
    if _JOURNAL.search(venue):
        return "article", {"journal": value}
    if _CONFERENCE.search(venue):
        return "inproceedings", {"booktitle": value}
    return "misc", {"howpublished": value}


def _eprint(paper_id: str) -> dict[str, str]:
    if not _ARXIV_ID.fullmatch(paper_id):
        return {}
    return {"eprint": f"{{{paper_id}}}", "archivePrefix": "{arXiv}"}


def _authors(paper: Paper) -> str:
    names = [_name(author) for author in paper.authors if _text(author)]
    if not names:
        return f"{{{_text(paper.organisation)}}}" if paper.organisation else ""
    count = paper.known_author_count
    return " and ".join(names if count is not None and count <= len(names) else [*names, "others"])


def _name(author: str) -> str:
    """Return a name in braces if one of its words would separate or end the list of authors."""
    name = _text(author)
    return f"{{{name}}}" if re.search(r"\b(?:and|others)\b", name, re.IGNORECASE) else name


def _text(text: str) -> str:
    return " ".join(decode_visible(text).split()).translate(_SPECIAL)


def _link(url: str | None) -> str:
    return decode_visible(safe_link(url) or "").replace("{", "%7B").replace("}", "%7D")


def _key(paper: Paper) -> str:
    """Return the first author's surname, the year and the title's first word that is not a stop word."""
    first = paper.authors[0] if paper.authors else ""
    surname = first.partition(",")[0] if "," in first else " ".join(first.split()[-1:])
    words = [_ascii(word) for word in re.split(r"[\W_]+", fold_accents(latex_to_text(paper.title)))]
    word = next((word for word in words if word and word not in _SMALL_WORDS), "")
    return f"{_ascii(fold_accents(surname))}{paper.year or ''}{word}" or "paper"


def _ascii(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text)


def _unique(keys: Iterable[str]) -> Iterator[str]:
    """Yield the keys with a letter appended to equal ones, or a number once the letters are used up."""
    held: Sequence[str] = tuple(keys)
    taken: set[str] = set()
    for key in held:
        endings = (
            "" if held.count(key) == 1 else "a",
            *"bcdefghijklmnopqrstuvwxyz",
            *map(str, range(1, len(held) + 1)),
        )
        chosen = next(key + ending for ending in endings if key + ending not in taken)
        taken.add(chosen)
        yield chosen
