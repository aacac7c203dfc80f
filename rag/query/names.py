"""Match the names in a question with those of a library: authors, venues and organisations, typos allowed."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from rag.text.names import SUFFIXES, fold_accents, letters_of, matches_author, name_words, shares_surname, surnames_of
from rag.text.venues import matches_organisation, matches_venue, named_venue_kinds
from rag.types import Paper

_MIN_SIMILARITY = 80.0  # of 100: one letter of a name of five
_ALIKE = 70.0  # of 100, of words of names that are offered
_NEAR_WORDS = 20
_NEAREST = 3  # names offered for one that no author has
_OTHERS = re.compile(
    r"[\s,]*\b(?:et\s+al\b\.?|(?:and|with|&)\s+(?:(?:his|her|their)\s+)?(?:others|colleagues|co-?authors|co-?workers|team)\b)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s*(?:[;&+/]|\b(?:and|with|or)\b)\s*", re.IGNORECASE)
_NOT_NAMES = frozenset("et al prof professor dr mr mrs ms".split())


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
            frozenset(paper.dated_venue for paper in held if paper.dated_venue),
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
        whole = clean_name(_OTHERS.sub("", text))
        if self.author(whole):
            return (whole,)
        parts = [part for part in _SEPARATOR.split(_OTHERS.sub("", text)) if name_words(clean_name(part))]
        return tuple(name for part in parts for name in self._split_at_commas(clean_name(part)))

    def author(self, name: str) -> str | None:
        """Return a name as the library's authors can be asked for by it, with misspelt words corrected; None if not."""
        if self.has_author(name):
            return name
        corrected = " ".join(self._corrected(word) for word in name_words(name))
        return corrected.title() if self.has_author(corrected) else None

    def spellings(self, name: str) -> frozenset[str]:
        """Return the authors of the library who share a name in full; an initial may stand for another person."""
        return frozenset(
            author for author in self._with_letters_of(name) if matches_author(name, author) and _in_full(name, author)
        )

    def nearest_authors(self, name: str) -> tuple[str, ...]:
        """Return authors whose names are most like one that no author has, those of its surname first."""
        from rapidfuzz import fuzz, process

        likeness: dict[str, float] = {}
        for word in (word for word in name_words(name) if len(word) > 1):
            near = process.extract(
                word, self._by_word.keys(), scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=_NEAR_WORDS
            )
            for author, score in {
                each: score for key, score, _ in reversed(near) for each in self._by_word[key]
            }.items():
                likeness[author] = likeness.get(author, 0.0) + score
        ranked = sorted(likeness, key=lambda each: (not shares_surname(name, each), -likeness[each], each))
        distinct = {name_words(each): each for each in reversed(ranked)}  # of "King Jr" and "King Jr." the first
        return tuple(each for each in ranked if distinct[name_words(each)] == each)[:_NEAREST]

    def venue(self, name: str) -> bool:
        """Return whether a paper of the library appeared at a venue, or a kind of venue is named."""
        return bool(named_venue_kinds(name)) or any(matches_venue(name, venue) for venue in self.venues)

    def organisation(self, name: str) -> bool:
        """Return whether a paper of the library comes from an organisation."""
        return any(matches_organisation(name, each) for each in self.organisations)

    def has_author(self, name: str) -> bool:
        """Return whether an author of the library can be asked for by a name as it is written."""
        return any(matches_author(name, author) for author in self._with_letters_of(name))

    def _with_letters_of(self, name: str) -> Iterator[str]:
        """Yield the authors whose letters hold a surname that a name may have."""
        letters, authors, starts = self._letters
        for surname in surnames_of(name):
            at = letters.find(surname)
            while at >= 0:
                i = bisect_right(starts, at) - 1
                yield authors[i]
                at = letters.find(surname, starts[i + 1]) if i + 1 < len(starts) else -1

    @cached_property
    def _letters(self) -> tuple[str, list[str], list[int]]:
        """The letters of all authors, a line each, whose each line is, and where it begins."""
        lines = [(letters, author) for author in sorted(self.authors) for letters in sorted(letters_of(author))]
        starts = list(accumulate((len(letters) + 1 for letters, _ in lines), initial=0))[:-1]
        return "\n".join(letters for letters, _ in lines), [author for _, author in lines], starts

    def _split_at_commas(self, text: str) -> list[str]:
        """Split names at commas, but for those within a name: before a suffix, initials, or the rest of an author."""
        pieces = [
            piece.strip() for piece in text.split(",") if name_words(piece) or piece.strip().casefold() in SUFFIXES
        ]
        found: list[str] = []
        for piece in pieces:
            suffix = fold_accents(piece).strip(". ") in SUFFIXES
            joined = f"{found[-1]}, {piece}" if found else piece
            follows = bool(found) and ("," not in found[-1] or suffix)
            if follows and (suffix or _is_initials(piece) or self.has_author(joined)):
                found[-1] = joined
            else:
                found.append(piece)
        return [name for name in map(clean_name, found) if name]

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


def _in_full(one: str, other: str) -> bool:
    """Return whether two names of a person have a surname and a given name in common, or are equal."""
    words, others = frozenset(name_words(one)), frozenset(name_words(other))
    return words == others or sum(len(word) > 1 for word in words & others) > 1


def _is_initials(piece: str) -> bool:
    """Return whether a piece between commas is one or a few initials: "J.S.", "JS", "T"."""
    words = re.findall(r"[^\W\d_]+", piece)
    return all(len(word) == 1 for word in words) or (len(words) == 1 and len(words[0]) <= 3 and words[0].isupper())


def clean_place(text: str) -> str:
    """Return the name of a venue or an organisation without an article and a possessive "s"."""
    name = re.sub(r"^(?:the|an?)\s+", "", text.strip(), flags=re.IGNORECASE)
    return name.replace("’", "'").removesuffix("'s").strip(" ,;:.()\"'")
