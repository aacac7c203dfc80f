"""Matching of author and venue names across spellings: "T. Dão" and "Tri Dao", "icml2023" and "ICML '23"."""

from __future__ import annotations

import re
import unicodedata

_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
_WORD = re.compile(r"[^\W\d_]+")
_VENUE_PART = re.compile(r"['’]?(?<!\d)\d{2}(?!\d)|[^\W\d_]+|\d+")
_RENAMED = {"nips": "neurips"}


def fold_accents(text: str) -> str:
    """Return the text case-folded and without accents."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return "".join(character for character in folded if not unicodedata.combining(character))


def name_words(name: str) -> tuple[str, ...]:
    """Return the words of a person's name, case-folded, without accents and punctuation."""
    return tuple(_WORD.findall(fold_accents(name)))


def matches_author(wanted: str, author: str) -> bool:
    """Return whether each word of `wanted` equals a word of `author` or its initial, and at least one in full."""
    asked, held = name_words(wanted), name_words(author)
    whole = any(len(word) > 1 and word in held for word in asked)
    return whole and all(any(_same_word(word, other) for other in held) for word in asked)


def matches_venue(wanted: str, venue: str) -> bool:
    """Return whether all words of `wanted`, and its year if it has one, occur in `venue`."""
    asked = venue_tokens(wanted)
    return bool(asked) and asked <= venue_tokens(venue)


def matches_organisation(wanted: str, organisation: str) -> bool:
    """Return whether all words of `wanted` occur in the name of an organisation: "Google" in "Google DeepMind"."""
    asked = frozenset(re.findall(r"\w+", fold_accents(wanted)))
    return bool(asked) and asked <= frozenset(re.findall(r"\w+", fold_accents(organisation)))


def venue_tokens(venue: str) -> frozenset[str]:
    """Return a venue's words and numbers, two-digit years expanded: iclr and 2024 for "ICLR'24"."""
    parts = _VENUE_PART.findall(fold_accents(venue))
    return frozenset(_RENAMED.get(part, _year(part)) for part in parts)


def _same_word(word: str, other: str) -> bool:
    return word == other or (1 in (len(word), len(other)) and word[0] == other[0])


def _year(part: str) -> str:
    digits = part.lstrip("'’")
    if len(digits) != 2 or not digits.isdigit():
        return digits
    return f"{'19' if digits >= '70' else '20'}{digits}"
