"""Recall of the facts of a gold answer in a text, by words: nuggets of Voorhees, TREC 2003 question answering track.

A fact is found where all of its numbers, dates and names are found, and half of its other words. Meaning is not
judged: a paraphrased fact is missed, and one that is denied in its own words is found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.text.citation_markers import MARKER
from rag.text.latex import latex_to_text
from rag.text.quantities import UNITS, PartialDate, Quantity, extract_dates, extract_quantities
from rag.text.tokens import tokenize

_MAX_NAME_LENGTH = 5  # words
_SHARE = 0.5  # of the words that are no names
_FUNCTION_WORDS = frozenset(
    "about across after around at between both beyond by each from how in more most of on or over per than up using via"
    " when while with within without".split()
)
_WORD = re.compile(r"(?<!\w)[^\W\d_][^\W_]*(?:[-.’'^][^\W_]+)*")
_POSSESSIVE = re.compile(r"[’']s\b")
_FACTOR = re.compile(r"x\d[\d.]*")
_NUMBERED = re.compile(r"\b([A-Za-z]*[A-Z][\w-]*) (\d+)(?![\w.,%-]| ?[x×%])")
_STARTS = re.compile(r"(?:^|[:;(.,])\s*$")


@dataclass(frozen=True, slots=True)
class SearchableText:
    """A text prepared for looking facts up: word sequences written as one word, stems, numbers and dates."""

    names: frozenset[str]
    stems: frozenset[str]
    quantities: tuple[Quantity, ...]
    dates: tuple[PartialDate, ...]


def fact_scores(facts: Sequence[str], texts: Mapping[str, str]) -> dict[str, float]:
    """Return the share of facts found in each text, by its name; nothing without facts."""
    if not facts:
        return {}
    readings = {name: read(text) for name, text in texts.items()}
    return {name: sum(holds(reading, fact) for fact in facts) / len(facts) for name, reading in readings.items()}


def read(text: str) -> SearchableText:
    """Prepare a text for looking facts up in it; citation markers do not count as numbers."""
    plain = _plain(MARKER.sub(" ", text))
    dates, dateless = extract_dates(plain)
    quantities, _ = extract_quantities(dateless)
    words = re.findall(r"[^\W_]+", plain.casefold())
    names = {
        "".join(words[i : i + length])
        for length in range(1, _MAX_NAME_LENGTH + 1)
        for i in range(len(words) - length + 1)
    }
    years = tuple(Quantity(date.year) for date in dates if date.year)
    return SearchableText(frozenset(names), frozenset(tokenize(plain)), quantities + years, dates)


def holds(text: SearchableText, fact: str) -> bool:
    """Return whether a text holds all numbers, dates and names of a fact, and half of its other words."""
    dates, rest = extract_dates(_POSSESSIVE.sub("", _plain(fact)))
    names, rest = _take_names(_NUMBERED.sub(r"\1-\2", rest))  # "RTX 4090" is a name, like "RTX4090"
    quantities, rest = extract_quantities(rest)
    words = _words(rest)
    if not (dates or quantities or names or words):
        return False
    return (
        all(any(date.matches(other) for other in text.dates) for date in dates)
        and all(any(quantity.matches(other) for other in text.quantities) for quantity in quantities)
        and all(name in text.names for name in names)
        and sum(word <= text.stems for word in words) >= _SHARE * len(words)
    )


def _take_names(text: str) -> tuple[list[str], str]:
    """Return a fact's names, each written as one word, and the fact without them."""
    names: list[str] = []

    def take(match: re.Match[str]) -> str:
        word = match[0]
        is_quantity = word.casefold() in UNITS or _FACTOR.fullmatch(word)
        if is_quantity or not _is_name(word, begins=bool(_STARTS.search(text[: match.start()]))):
            return word
        names.append(re.sub(r"[\W_]", "", word).casefold())
        return ";"  # so that what stood on either side of the name stays apart

    rest = _WORD.sub(take, text)
    return names, rest


def _words(text: str) -> list[set[str]]:
    """Return the content words of a fact, each as the stems of its parts; function words are left out."""
    parts = [re.findall(r"[^\W_]+", word) for word in re.findall(r"[^\W_]+(?:-[^\W_]+)*", text)]
    stems = [{stem for part in word for stem in tokenize(part)} for word in parts if word[0] not in _FUNCTION_WORDS]
    return [word for word in stems if word]


def _is_name(word: str, begins: bool) -> bool:
    """Return whether a word is a name: an inner capital, a digit, or an initial capital not at a sentence's start."""
    inner = any(character.isupper() for character in word[1:])
    return inner or any(character.isdigit() for character in word) or (word[0].isupper() and not begins)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", latex_to_text(text.replace("$", "")))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
