"""Match the names in a question with those of a library: authors, venues and organisations, typos allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rag.text.names import fold_accents, matches_author, matches_organisation, matches_venue, name_words
from rag.types import Paper

_MIN_SIMILARITY = 80.0  # of 100: one letter of a name of five
_SEPARATOR = re.compile(r"\s*(?:[;&+/]|\b(?:and|with|or)\b)\s*", re.IGNORECASE)
_NOT_NAMES = frozenset("et al prof professor dr mr mrs ms s".split())
_WORD = re.compile(r"[^\W\d_]+(?:['’.-]+[^\W\d_]+)*")


@dataclass(frozen=True)
class LibraryNames:
    """The distinct names of a library."""

    authors: frozenset[str] = frozenset()
    venues: frozenset[str] = frozenset()
    organisations: frozenset[str] = frozenset()

    @classmethod
    def of(cls, papers: Iterable[Paper]) -> LibraryNames:
        """Collect the names of papers."""
        held = tuple(papers)
        return cls(
            frozenset(author for paper in held for author in paper.authors),
            frozenset(paper.venue for paper in held if paper.venue),
            frozenset(paper.organisation for paper in held if paper.organisation),
        )

    @cached_property
    def _by_word(self) -> dict[str, list[str]]:
        index: dict[str, list[str]] = {}
        for author in sorted(self.authors):
            for word in name_words(author):
                index.setdefault(word, []).append(author)
        return index

    def split_authors(self, text: str) -> tuple[str, ...]:
        """Split a stretch into names; one with a comma, as in "Quill, Ada", is one name where an author has it."""
        whole = clean_name(text)
        if self.author(whole):
            return (whole,)
        parts = [part for part in _SEPARATOR.split(text) if name_words(clean_name(part))]
        if len(parts) == 1 and "," in text:
            parts = text.split(",")
        return tuple(clean_name(part) for part in parts if name_words(clean_name(part)))

    def author(self, name: str) -> str | None:
        """Return a name as the library's authors can be asked for by it, with misspelt words corrected; None if not."""
        if self._has_author(name):
            return name
        corrected = " ".join(self._corrected(word) for word in name_words(name))
        return corrected.title() if self._has_author(corrected) else None

    def venue(self, name: str) -> bool:
        """Return whether a paper of the library appeared at a venue."""
        return any(matches_venue(name, venue) for venue in self.venues)

    def organisation(self, name: str) -> bool:
        """Return whether a paper of the library comes from an organisation."""
        return any(matches_organisation(name, each) for each in self.organisations)

    def _has_author(self, name: str) -> bool:
        held = (author for word in name_words(name) if len(word) > 1 for author in self._by_word.get(word, ()))
        return any(matches_author(name, author) for author in held)

    def _corrected(self, word: str) -> str:
        from rapidfuzz import fuzz, process

        if word in self._by_word or len(word) == 1:
            return word
        found = process.extractOne(word, self._by_word.keys(), scorer=fuzz.ratio, score_cutoff=_MIN_SIMILARITY)
        return found[0] if found else word


def clean_name(text: str) -> str:
    """Return the words of a person's name without titles, "et al." and a possessive "s"."""
    words = [word for word in text.replace("’", "'").removesuffix("'s").split() if name_words(word)]
    kept = [word for word in words if fold_accents(word).strip(".,;:()\"'") not in _NOT_NAMES]
    return " ".join(kept).strip(" ,;:()\"'")


def clean_place(text: str) -> str:
    """Return the name of a venue or an organisation without an article and a possessive "s"."""
    name = re.sub(r"^(?:the|an?)\s+", "", text.strip(), flags=re.IGNORECASE)
    return name.replace("’", "'").removesuffix("'s").strip(" ,;:.()\"'")
