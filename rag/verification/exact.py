"""Exact checks: numbers and names of a claim that no text has; both are normalized, as the model reads them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from rag.text.identifiers import find_identifiers
from rag.text.quantities import NUMBER_WORDS, UNITS, Quantity, extract_dates, extract_quantities
from rag.verification.paper_text import PaperText

_POWERS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_NUMERAL = "|".join(NUMBER_WORDS)
_SPELLED = re.compile(
    rf"(?<![\w-])(?:{_NUMERAL})(?:[\s-](?:and\s)?(?:{_NUMERAL}|{'|'.join(_POWERS)})\b)*(?P<fraction>[\s-]"
    r"(?:halves|thirds?|fourths?|quarters?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?|hundredths?))?\b",
    re.IGNORECASE,
)
_ONE = re.compile(rf"\bone\b(?![\s-](?:{'|'.join(_POWERS)})\b)", re.IGNORECASE)  # is more often a pronoun than a number
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
_RANGE = re.compile(r"(?<![\d.])(\d[\d.]{0,30})\s{0,3}[–-]\s{0,3}(?=\d[\d.]{0,30}\s{0,3}([%×x])(?!\w))")
_LONE_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_DESIGNATION = re.compile(r"(?<![\w.])(?=[\w-]{0,80}\d)[A-Za-z]\w*(?:[-.]\w+)*")
_HYPHENATED = re.compile(r"(?<=\w)-[a-z]+$")  # "GNN-based" names GNN
_NO_NAMES = frozenset("I January February March April May June July August September October November December".split())
_SMALL_WORDS = frozenset("a an the of and from for in on to with by via".split())
_INITIAL = re.compile(r"[^\W\d_]+")
_SHORTEST_ACRONYM = 2
_PLURAL = "s"
_QUANTITY = re.compile(r"\d[\d.,]*(?:[-/]\d[\d.,]*)*[A-Za-z%]{0,3}")
_NAME_WORDS = 4  # of the longest name
_COUNTED_PAPERS = re.compile(
    rf"\b(?:\d+|{_NUMERAL})(?:\s+of)?(?:\s+(?:the|these|those|our))?(?:\s+cited)?"
    r"\s+(?:papers|abstracts|studies|works|articles|surveys)\b",
    re.IGNORECASE,
)
_SPOKEN_OF = re.compile(
    rf"\b(?:the|these|those|all|other)\s+(?:{_NUMERAL})\b(?![\s-]*(?:{'|'.join((_NUMERAL, *_POWERS))}|\w+s)\b)",
    re.IGNORECASE,
)


def missing_numbers(claim: str, texts: Sequence[PaperText], own: Collection[int] = ()) -> tuple[str, ...]:
    """Return the numbers of a claim, with their units, that no text has.

    A rounded number counts as present, and "half" stands for 50 % and 2×. A whole number that only counts papers, one
    that stands for what was spoken of ("the three"), and those of `own` are the answer's own.
    """
    held = [quantity for text in texts for quantity in _held(text)]
    plain = _SPOKEN_OF.sub(" ", _COUNTED_PAPERS.sub(" ", claim))
    claimed = [each for each in _claimed(plain) if each.unit or each.value not in own]
    return tuple(each.text for each in claimed if not any(_is(each, other) for other in held))


def missing_names(claim: str, texts: Sequence[PaperText]) -> tuple[str, ...]:
    """Return the names and acronyms of a claim that no paper has; an acronym may stand for a paper's words."""
    names = [_HYPHENATED.sub("", name) for name in find_identifiers(extract_dates(claim)[1]) if not _is_quantity(name)]
    names = [name for name in names if name not in _NO_NAMES and len(name) > 1]  # a letter is a symbol
    missing = [name for name in names if not any(_has(text.all, name) for text in texts)]
    return tuple(dict.fromkeys(missing))


def _claimed(claim: str) -> list[Quantity]:
    plain = _ORDERS.sub(" ", _ONE.sub(" ", _DESIGNATION.sub(" ", claim)))
    dates, rest = extract_dates(_in_digits(plain))
    quantities, _ = extract_quantities(rest)
    return [*quantities, *(Quantity(date.year, text=str(date.year)) for date in dates if date.year)]


def _held(paper: PaperText) -> list[Quantity]:
    digits, _ = extract_quantities(_in_digits(paper.all))
    otherwise = [each for pattern, quantities in _SAID_OTHERWISE if pattern.search(paper.text) for each in quantities]
    year = [Quantity(float(paper.year))] if paper.year else []
    return [*digits, *otherwise, *year, *(Quantity(float(each)) for each in _LONE_YEAR.findall(paper.all))]


def _in_digits(text: str) -> str:
    """Write number words as digits, and the unit of a range after both ends."""
    text = _SPELLED.sub(lambda match: "" if match["fraction"] else _value(match[0]), text)
    return _RANGE.sub(lambda match: f"{match[1]}{match[2]} – ", text)


def _value(words: str) -> str:
    """Return the digits of a spelled number: "twenty-five thousand" as "25000"."""
    total = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "hundred":
            part = max(part, 1) * _POWERS[word]
        elif word in _POWERS:
            total, part = total + max(part, 1) * _POWERS[word], 0
        else:
            part += NUMBER_WORDS.get(word, 0)
    return str(total + part)


def _is(claimed: Quantity, held: Quantity) -> bool:
    """Return whether a number is another one, exactly or rounded; units are compared where both have one."""
    if not claimed.unit and claimed.value == claimed.number == held.number:
        return True
    if claimed.unit and held.unit and claimed.unit != held.unit:
        return False
    if claimed.matches(held) or (not held.unit and claimed.value == held.value):
        return True
    decimals = len(f"{claimed.value:g}".partition(".")[2])
    rounded = round(held.value, decimals)
    return rounded == claimed.value and len(f"{claimed.value:g}".replace(".", "")) > 1


def _is_quantity(name: str) -> bool:
    """Return whether a word is a quantity such as "2x", "7B" or "ms", and no name."""
    return name.casefold() in UNITS or bool(_QUANTITY.fullmatch(name))


def _has(text: str, name: str) -> bool:
    """Return whether a text has a name, written together or apart, all parts of a hyphenated name, or its long form."""
    held = _words(text)
    parts = [part for part in re.split(r"[-/]", name) if part]
    if _singular(name) in held or (len(parts) > 1 and all(_singular(part) in held for part in parts)):
        return True
    letters = re.sub(r"[\W\d_]", "", name).removesuffix(_PLURAL)
    return letters.isupper() and len(letters) >= _SHORTEST_ACRONYM and _stands_for(letters, text)


def _stands_for(acronym: str, text: str) -> bool:
    """Return whether consecutive words of a text begin with an acronym's letters, with or without small words."""
    words = _INITIAL.findall(text)
    all_of_them = "".join(word[0].upper() for word in words)
    without = "".join(word[0].upper() for word in words if word.lower() not in _SMALL_WORDS)
    return acronym in all_of_them or acronym in without


@lru_cache(maxsize=256)
def _words(text: str) -> frozenset[str]:
    """Return the words of a text, and runs of up to four of them written together."""
    words = [_singular(word) for word in re.findall(r"[^\W_]+", text)]
    return frozenset("".join(words[i : i + length]) for length in range(1, _NAME_WORDS + 1) for i in range(len(words)))


def _singular(word: str) -> str:
    return re.sub(r"[\W_]", "", word.casefold()).removesuffix(_PLURAL)
