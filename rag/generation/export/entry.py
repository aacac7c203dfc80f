"""What all forms of export share: a paper's citation key, its entry type, and its names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag.corpus.ids import arxiv_id_of
from rag.text.latex import latex_to_text
from rag.text.links import safe_link
from rag.text.names import PARTICLES, fold_accents, surname_and_given
from rag.text.normalize import spell_greek
from rag.text.sanitize import decode_visible
from rag.types import Paper

_SMALL_WORDS = frozenset(
    "a an and are as at by can do does for from how in is of on the to towards via what with".split()
)
_JOURNAL = re.compile(r"\b(?:journal|transactions|letters|review|nature|science|tmlr|jmlr|tacl)\b", re.IGNORECASE)
_CONFERENCE = re.compile(
    r"(?i:\b(?:conference|proceedings|workshop|symposium|findings)\b)|\b[A-Za-z]*[A-Z]{2}[A-Za-z]*\b"
)
_NOT_IN_KEYS = re.compile(r"[\s,{}()#%\"~\\=']+")
_MARK_LETTERS = 4
_AND = re.compile(r"\s+and\s+(?![^{]*\})")


@dataclass(frozen=True, slots=True)
class Name:
    """An author: surname with its particles, given names and suffix, or a `literal` that has no such parts."""

    surname: str = ""
    given: str = ""
    suffix: str = ""
    literal: str = ""

    @property
    def particle(self) -> str:
        """The particles in small letters before the surname."""
        words = self.surname.split()
        count = next((i for i, word in enumerate(words) if word not in PARTICLES), 0)
        return " ".join(words[:count])

    @property
    def inverted(self) -> str:
        """The name as "van der Maaten, Laurens, Jr."."""
        return self.literal or ", ".join(part for part in (self.surname, self.given, self.suffix) if part)


def citation_key(paper: Paper) -> str:
    """Return the user's own key, else one of the paper alone: "dao2022flashattention-bqtd".

    It has the first author's surname, the year, the title's first word that is not a stop word, and letters that keep
    papers apart which agree in these.
    """
    if own := _NOT_IN_KEYS.sub("", decode_visible(paper.key or "")):
        return own
    first = author_names(paper)[:1]
    words = [_ascii(word) for word in re.split(r"[\W_]+", fold_accents(spell_greek(latex_to_text(paper.title))))]
    word = next((word for word in words if word and word not in _SMALL_WORDS), "")
    surname = _ascii(fold_accents(first[0].surname or first[0].literal)) if first else ""
    return f"{surname}{paper.year or ''}{word}-{_mark(paper)}"


def with_keys(papers: Iterable[Paper]) -> Iterator[tuple[str, Paper]]:
    """Yield each paper with its key; a user's key that two papers have is made unique by letters of the later paper."""
    taken: dict[str, str] = {}
    for paper in papers:
        key = citation_key(paper)
        if taken.setdefault(key.casefold(), paper.paper_id) != paper.paper_id:
            key = f"{key}-{_mark(paper)}"
        yield key, paper


def entry_type(paper: Paper) -> str:
    """Return the BibTeX word for what was published, as the record says, else as the name of the venue does."""
    if paper.entry_type and re.fullmatch(r"[A-Za-z]+", paper.entry_type):
        return paper.entry_type.lower()
    if paper.venue and _JOURNAL.search(paper.venue):
        return "article"
    return "inproceedings" if paper.venue and _CONFERENCE.search(paper.venue) else "misc"


def further_links(paper: Paper) -> tuple[str, ...]:
    """Return the links beside `url`, without those of its DOI and its arXiv id, which have fields of their own."""
    own = (f"https://doi.org/{paper.doi}", f"https://arxiv.org/abs/{arxiv_id_of(paper)}")
    return tuple(link for each in paper.urls if (link := safe_link(each)) and link not in own)


def author_names(paper: Paper) -> tuple[Name, ...]:
    """Return the authors' names in their parts: as the record gives them where it does, else as they are written."""
    return tuple(map(parse_name, authors_as_given(paper) or paper.authors))


def authors_as_given(paper: Paper) -> tuple[str, ...]:
    """Return the names in the form of BibTeX that the record gives, as "de la Cruz, Ana" or "{Pebble Labs}", if any."""
    given = _AND.split(dict(paper.bibliography).get("author", ""))
    names = tuple(name for name in map(str.strip, given) if name and name != "others")
    return names if len(names) == len(paper.authors) else ()


@lru_cache(maxsize=4096)
def parse_name(name: str) -> Name:
    """Return the parts of a name; one in braces has none."""
    name = " ".join(decode_visible(name).split())
    if name.startswith("{") and name.endswith("}"):
        return Name(literal=name.strip("{} "))
    surname, given, suffix = surname_and_given(name)
    return Name(surname, given, suffix) if surname else Name(literal=name)


def is_complete(paper: Paper) -> bool:
    """Return whether all authors of a paper are named."""
    count = paper.known_author_count
    return count is not None and count <= len(paper.authors)


def _mark(paper: Paper) -> str:
    number = int.from_bytes(hashlib.sha256(paper.paper_id.encode()).digest()[:8])
    letters = ""
    for _ in range(_MARK_LETTERS):
        number, letter = divmod(number, 26)
        letters += "abcdefghijklmnopqrstuvwxyz"[letter]
    return letters


def _ascii(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text)
