"""Exact checks: numbers and names of a sentence that the papers it cites do not have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.selection.answerability import mentions
from rag.text.identifiers import find_identifiers
from rag.text.latex import latex_to_text
from rag.text.quantities import UNITS, Quantity, extract_dates, extract_quantities
from rag.types import Paper

_WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
_NUMBER_WORDS = {word: n for n, word in enumerate(_WORDS, start=1)}
_NUMBER_WORD = re.compile(rf"\b({'|'.join(_WORDS)})\b", re.IGNORECASE)
_ONE = re.compile(r"\bone\b", re.IGNORECASE)  # is more often a pronoun than a number
_ORDERS = re.compile(r"\b\w+ orders? of magnitude\b", re.IGNORECASE)
_SAID_OTHERWISE = tuple(
    (re.compile(pattern, re.IGNORECASE), quantities)
    for pattern, quantities in (
        (r"\bhal(?:f|ves?|ved|ving)\b", (Quantity(2, "x"), Quantity(0.5, "x"), Quantity(50, "%"))),
        (r"\b(?:doubl(?:es?|ed|ing)|twice)\b", (Quantity(2, "x"), Quantity(100, "%"))),
        (r"\b(?:tripl(?:es?|ed|ing)|thrice)\b", (Quantity(3, "x"),)),
        (r"\b(?:an|one) order of magnitude\b", (Quantity(10, "x"),)),
        (r"\btwo orders of magnitude\b", (Quantity(100, "x"),)),
        (r"\b(?:a|one)[ -](?:quarter|fourth)\b", (Quantity(25, "%"), Quantity(0.25))),
        (r"\b(?:a|one)[ -]third\b", (Quantity(33, "%"),)),
    )
)
_RANGE = re.compile(r"(\d[\d.]*)\s*[–-]\s*(?=\d[\d.]*\s*([%×x])(?!\w))")
_LONE_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_DESIGNATION = re.compile(r"(?<![\w.])(?=[\w-]*[^\W\d_])(?=[\w-]*\d)[A-Za-z][\w]*(?:[-.][\w]+)*")
_HYPHENATED = re.compile(r"(?<=[A-Z0-9])-[a-z]+$")  # "GNN-based" names GNN
_NO_NAMES = frozenset("I January February March April May June July August September October November December".split())
_SMALL_WORDS = frozenset("a an the of and from for in on to with by via".split())
_INITIAL = re.compile(r"[^\W\d_]+")
_SHORTEST_ACRONYM = 2
_PLURAL = "s"


def missing_numbers(sentence: str, papers: Sequence[Paper]) -> tuple[str, ...]:
    """Return the numbers of a sentence, with their units, that no paper has in title, abstract or date.

    A rounded number counts as present, and "half" stands for 50 % and 2×.
    """
    held = [quantity for paper in papers for quantity in _held(paper)]
    return tuple(each.text for each in _claimed(sentence) if not any(_is(each, other) for other in held))


def missing_names(sentence: str, papers: Sequence[Paper]) -> tuple[str, ...]:
    """Return the names and acronyms of a sentence that no paper has; an acronym may stand for a paper's words."""
    names = [
        _HYPHENATED.sub("", name) for name in find_identifiers(extract_dates(sentence)[1]) if not _is_quantity(name)
    ]
    names = [name for name in names if name not in _NO_NAMES]
    missing = [name for name in names if not any(_has(paper, name) for paper in papers)]
    return tuple(dict.fromkeys(missing))


def _claimed(sentence: str) -> list[Quantity]:
    plain = _ORDERS.sub(" ", _ONE.sub(" ", _DESIGNATION.sub(" ", latex_to_text(sentence))))
    dates, rest = extract_dates(_in_digits(plain))
    quantities, _ = extract_quantities(rest)
    return [*quantities, *(Quantity(date.year, text=str(date.year)) for date in dates if date.year)]


def _held(paper: Paper) -> list[Quantity]:
    text = latex_to_text(f"{paper.title}. {paper.abstract}")
    digits, _ = extract_quantities(_in_digits(text))
    otherwise = [each for pattern, quantities in _SAID_OTHERWISE if pattern.search(text) for each in quantities]
    year = [Quantity(float(paper.year))] if paper.year else []
    return [*digits, *otherwise, *year, *(Quantity(float(each)) for each in _LONE_YEAR.findall(text))]


def _in_digits(text: str) -> str:
    """Write number words as digits, and the unit of a range behind both ends."""
    text = _NUMBER_WORD.sub(lambda match: str(_NUMBER_WORDS[match[1].lower()]), text)
    return _RANGE.sub(lambda match: f"{match[1]}{match[2]} – ", text)


def _is(claimed: Quantity, held: Quantity) -> bool:
    """Return whether a number is another one, exactly or rounded; units are compared where both have one."""
    if claimed.unit and held.unit and claimed.unit != held.unit:
        return False
    if claimed.matches(held) or (not held.unit and claimed.value == held.value):
        return True
    decimals = len(f"{claimed.value:g}".partition(".")[2])
    rounded = round(held.value, decimals)
    return rounded == claimed.value and len(f"{claimed.value:g}".replace(".", "")) > 1


def _is_quantity(name: str) -> bool:
    """Return whether a word is a quantity such as "2x", "7B" or "ms", and no name."""
    return name.casefold() in UNITS or bool(re.fullmatch(r"\d[\d.,]*[A-Za-z%]{0,3}", name))


def _has(paper: Paper, name: str) -> bool:
    if mentions(paper, name):
        return True
    letters = re.sub(r"[\W\d_]", "", name).removesuffix(_PLURAL)
    return letters.isupper() and len(letters) >= _SHORTEST_ACRONYM and _stands_for(letters, paper)


def _stands_for(acronym: str, paper: Paper) -> bool:
    """Return whether consecutive words of the paper begin with an acronym's letters, with or without small words."""
    words = _INITIAL.findall(f"{paper.title} {paper.abstract}")
    all_of_them = "".join(word[0].upper() for word in words)
    without = "".join(word[0].upper() for word in words if word.lower() not in _SMALL_WORDS)
    return acronym in all_of_them or acronym in without
