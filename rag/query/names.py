"""Match the names in a question with those of a library: authors, venues and organisations, typos allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from rag.corpus.links import name_key
from rag.corpus.titles import find_by_title, without_filler
from rag.index.papers import PaperStore
from rag.text.identifiers import is_identifier
from rag.text.names import (
    SUFFIXES,
    fold_accents,
    matches_author,
    name_words,
    shares_surname,
    surname_and_given,
    surnames_of,
)
from rag.text.venues import (
    asked_venue_keys,
    matches_organisation,
    matches_venue,
    named_venue_kinds,
    organisation_words,
)

_MIN_SIMILARITY = 80.0  # of 100: one letter of a name of five
_SHORTEST = 4  # letters of a word that may be misspelt
_ALIKE = 70.0  # of 100, of words of names that are offered
_NEAR_WORDS = 20
_REMEMBERED = 1024  # names that were looked up
_NEAREST = 3  # names offered for one that no author has
_OTHERS = re.compile(
    r"[\s,]*\b(?:et\s+al\b\.?|(?:and|with|&)\s+(?:(?:his|her|their)\s+)?(?:others|colleagues|co-?authors|co-?workers|team)\b)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s*(?:[;&+/]|\b(?:and|with|or)\b)\s*", re.IGNORECASE)
_NOT_NAMES = frozenset("et al prof professor dr mr mrs ms".split())


def paper_called(name: str, papers: PaperStore) -> str | None:
    """Return the id of the paper that a name is the title of, or that alone introduces it; None if there is none."""
    titled = find_by_title(name, papers.titled(name))
    if titled or name.islower():
        return titled
    introducing = papers.papers_with("introduces", name_key(without_filler(name)))
    return papers.ids_at(introducing)[0] if len(introducing) == 1 else None


class LibraryNames:
    """The names of a library's authors, venues and organisations, looked up by their parts."""

    def __init__(self, papers: PaperStore) -> None:
        self._papers = papers
        self.authors = lru_cache(_REMEMBERED)(self._authors)
        self.has_author = lru_cache(_REMEMBERED)(self._has_author)
        self.venues = lru_cache(_REMEMBERED)(self._venues)

    def split_authors(self, text: str) -> tuple[str, ...]:
        """Split a stretch into names; one with a comma, as in "Quill, Ada", is one name where an author has it."""
        whole = clean_name(_OTHERS.sub("", text))
        if self.author(whole):
            return (whole,)
        parts = [part for part in _SEPARATOR.split(_OTHERS.sub("", text)) if name_words(clean_name(part))]
        return tuple(name for part in parts for name in self._split_at_commas(clean_name(part)))

    def author(self, name: str) -> str | None:
        """Return a name as the library's authors can be asked for by it, with misspelt words corrected; None if not.

        One with a capital or a digit within a word, as "MoE", is not misspelt.
        """
        if self.has_author(name):
            return name
        if any(map(is_identifier, name.split())):
            return None
        corrected = " ".join(self._corrected(word) for word in name_words(name))
        return corrected.title() if self.has_author(corrected) else None

    def is_surname(self, name: str) -> bool:
        """Return whether an author of the library has a name as the surname, and not only as a given name."""
        return any(name_words(surname_and_given(author)[0]) == name_words(name) for author in self.authors(name))

    def spellings(self, name: str) -> frozenset[str]:
        """Return the authors of the library who share a name in full; an initial may stand for another person."""
        return frozenset(author for author in self.authors(name) if _in_full(name, author))

    def nearest_authors(self, name: str) -> tuple[str, ...]:
        """Return authors whose names are most like one that no author has, those of its surname first."""
        likeness: dict[str, float] = {}
        for word in (word for word in name_words(name) if len(word) > 1):
            near = sorted(self._near_words(word, _ALIKE), key=lambda each: (-each[1], each[0]))[:_NEAR_WORDS]
            for author, score in {
                each: score for key, score, _ in reversed(near) for each in self._with_part(key)
            }.items():
                likeness[author] = likeness.get(author, 0.0) + score
        ranked = sorted(likeness, key=lambda each: (not shares_surname(name, each), -likeness[each], each))
        distinct = {name_words(each): each for each in reversed(ranked)}  # of "King Jr" and "King Jr." the first
        return tuple(each for each in ranked if distinct[name_words(each)] == each)[:_NEAREST]

    def venue(self, name: str) -> bool:
        """Return whether a paper of the library appeared at a venue, or a kind of venue is named."""
        return bool(named_venue_kinds(name)) or bool(self.venues(name))

    def organisation(self, name: str) -> bool:
        """Return whether a paper of the library comes from an organisation."""
        return bool(self.organisations(name))

    def organisations(self, name: str) -> frozenset[str]:
        """Return the organisations that can be asked for by a name."""
        longest = max(organisation_words(name), key=len, default="")
        return frozenset(
            each for each in self._behind("organisation word", [longest]) if matches_organisation(name, each)
        )

    def _authors(self, name: str) -> frozenset[str]:
        """Return the authors who can be asked for by a name as it is written."""
        return frozenset(author for author in self._with_surname(name) if matches_author(name, author))

    def _has_author(self, name: str) -> bool:
        """Return whether an author of the library can be asked for by a name as it is written."""
        return any(matches_author(name, author) for author in self._with_surname(name))

    def _venues(self, name: str) -> frozenset[str]:
        """Return the venues, each with its year, that can be asked for by a name."""
        held = self._behind("venue letters", asked_venue_keys(name))
        return frozenset(each for each in held if matches_venue(name, each))

    def _with_surname(self, name: str) -> Iterator[str]:
        return (author for surname in sorted(surnames_of(name)) for author in self._with_part(surname))

    def _with_part(self, part: str) -> list[str]:
        return sorted(self._behind("author part", [part]))

    def _behind(self, kind: str, keys: Iterable[str]) -> set[str]:
        """Return the names to which keys lead."""
        found = (word for key in keys for word, _ in self._papers.words_from(kind, f"{key}\t"))
        return {word.partition("\t")[2] for word in found}

    def _near_words(self, word: str, least: float) -> list[tuple[str, float, int]]:
        """Return words of authors' names that begin with the same letter, each with its likeness and uses."""
        from rapidfuzz import fuzz, process

        uses = dict(self._papers.words_from("author word", word[0]))
        found = process.extract(word, uses.keys(), scorer=fuzz.ratio, score_cutoff=least, limit=None)
        return [(each, score, uses[each]) for each, score, _ in found]

    def _split_at_commas(self, text: str) -> list[str]:
        """Split names at commas, except those within a name: before a suffix, initials, or the rest of an author."""
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
        """Return a misspelt word of a name as the most alike of the authors has it, of those the most frequent."""
        if len(word) < _SHORTEST or self._papers.uses("author word", word):
            return word
        near = self._near_words(word, _MIN_SIMILARITY)
        return min(near, key=lambda each: (-each[1], -each[2], each[0]))[0] if near else word


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
