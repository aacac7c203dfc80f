"""The words of a sentence that are the value a fact question asks for: a number with its unit, or a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from rag.index.library import Library
from rag.index.maxsim import mean_maxsim
from rag.retrieval.encoded_query import EncodedQuery
from rag.text.identifiers import is_identifier
from rag.text.quantities import NUMBER_WORDS, UNITS, extract_quantities
from rag.text.tokens import tokenize
from rag.types import Paper, Quote

Expected = Literal["number", "name"]
Span = tuple[int, int]

_CONTEXT = 40  # characters on either side of a value that say what it measures
_NUMBER = re.compile(
    r"(?:\b(?:over|under|about|around|nearly|almost|only|just|roughly|approximately|more than|less than|fewer than"
    r"|at least|at most|up to) )?(?<![\w.^_{+-])[~≈<>≤≥]?(?:x\s?)?\$?\d[\d,]*(?:\.\d+)?(?:[-–]\d[\d.,]*)?"
    r"(?: ?(?:thousand|million|billion|trillion|[KMBT](?![A-Za-z])))?(?![\w.]*[\^_}+])"
    r"(?P<unit>[\s-]?(?:\\?%|[A-Za-z×]+))?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d\W?")
_NAME = re.compile(
    r"[A-Z][\w.+/*-]*[\w+*](?:\s+(?:of\s+|the\s+|for\s+)?(?:[A-Z][\w.+/*-]*[\w+*]|\d[\w.]*\b))*|\b[a-z]+[A-Z][\w-]*"
)
_MANNER = r"how\s+(?:do|does|did|can|could|is|are|was|were|should|would|will|to|come|the|has|have|might|may)\b|why\b"
_ASKS_MANNER = re.compile(rf"^\W*(?:\w+\W+){{0,3}}?(?:{_MANNER})", re.IGNORECASE)
_ASKS_YES = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should|may|might|must)\b", re.IGNORECASE
)
_ASKS_HOW_MUCH = re.compile(rf"\b(?!{_MANNER})how\s+\w+", re.IGNORECASE)
_ASKS_NUMBER = re.compile(
    rf"\b(?!{_MANNER})how\s+\w+"
    r"|\b(?:accurac|speed|rate|ratio|percent|fraction|share|number|size|cost|time|latenc|throughput|memory|score|factor"
    r"|gain|loss|error|bound|exponent|count|length|depth|width|power|energy|complexit|amount|quantit|hours|budget)\w*",
    re.IGNORECASE,
)
_ASKS_NAME = re.compile(r"\b(?:which|what|who|whose|whom|where)\b", re.IGNORECASE)
_HOW_MANY = re.compile(r"\bhow many ((?:more |extra |different |other )?[\w-]+(?:\s+(?:of\s+)?[\w-]+)?)", re.IGNORECASE)
_NOUN_WITHIN = 3  # words after a number, for it to be a number of them
_DIMENSIONS: Mapping[str, re.Pattern[str]] = {
    "s": re.compile(r"\bhow long\b|\b(?:time|latency|duration|seconds|minutes|hours|days)\b", re.IGNORECASE),
    "%": re.compile(r"\b(?:accuracy|percent\w*|share|fraction|proportion)\b", re.IGNORECASE),
    "x": re.compile(r"\b(?:factor|speed-?ups?|times|faster|how much (?:faster|smaller|larger))\b", re.IGNORECASE),
    "B": re.compile(r"\b(?:memory|storage|gigabytes?|megabytes?|[GMT]B)\b"),
    "W": re.compile(r"\b(?:watts?|power)\b", re.IGNORECASE),
}  # how questions name what the units of `UNITS` measure


def expected_value(question: str) -> Expected | None:
    """Return what kind of value answers a question; None for a reason, a manner, or yes and no."""
    if _ASKS_MANNER.search(question) or (_ASKS_YES.match(question) and not _ASKS_HOW_MUCH.search(question)):
        return None
    if _ASKS_NUMBER.search(question):
        return "number"
    return "name" if _ASKS_NAME.search(question) else None


def find_value(
    question: str, encoded: EncodedQuery, library: Library, paper: Paper, quotes: Sequence[Quote]
) -> Span | None:
    """Return the offsets in the abstract of the value that answers; None where nothing in the quotes fits.

    Of several numbers those in a unit that the question asks for come first, then the one whose surroundings are most
    like the question. A name must be the only one. What the question itself says is no value.
    """
    expected = expected_value(question)
    if expected == "number":
        values = list(_numbers_beside(question, quotes))
        values = _counting(question, paper, values) or _of_asked_unit(question, paper, values)
        if not values:
            return None
        around = [_around(value, quotes) for value in values]
        position = library.papers.position(paper.paper_id)
        scores = sum(
            mean_maxsim(library.maxsim.span_similarities(encoded.tokens, position, spans), encoded.weights)
            for spans in (values, around)
        )
        return values[int(scores.argmax())]  # type: ignore[union-attr]
    names = list(_names_beside(question, quotes)) if expected == "name" else []
    return names[0] if len(names) == 1 else None


def _numbers_beside(question: str, quotes: Sequence[Quote]) -> Iterator[Span]:
    """Yield numbers that the question does not say, with what qualifies them and a known unit."""
    said = {each.value for each in extract_quantities(question)[0]}
    said |= {float(NUMBER_WORDS[word]) for word in re.findall(r"[a-z]+", question.lower()) if word in NUMBER_WORDS}
    for quote in quotes:
        for match in _NUMBER.finditer(quote.text):
            unit = (match["unit"] or "").strip(" -").lower()
            known = unit in UNITS or unit in ("\\%", "×")
            end = match.end() if known or not unit else match.start("unit")
            found, _ = extract_quantities(quote.text[match.start() : match.end()])
            year = end - match.start() == 4 and _YEAR.fullmatch(match[0])
            if not year and said.isdisjoint(each.value for each in found):
                yield quote.start + match.start(), quote.start + end


def _counting(question: str, paper: Paper, values: Sequence[Span]) -> list[Span]:
    """Return the numbers of what a question asks "how many" of."""
    match = _HOW_MANY.search(question)
    counted = frozenset(tokenize(match[1])) if match else frozenset()
    following = [paper.abstract[end : end + _CONTEXT] for _, end in values]
    after = [" ".join(re.findall(r"[^\W_]+", re.split(r"[.,;]\s", text)[0])[:_NOUN_WITHIN]) for text in following]
    return [value for value, words in zip(values, after, strict=True) if not counted.isdisjoint(tokenize(words))]


def _of_asked_unit(question: str, paper: Paper, values: list[Span]) -> list[Span]:
    """Return the values in a unit that the question asks for, all if there is none."""
    asked = {unit for unit, words in _DIMENSIONS.items() if words.search(question)}

    def unit(value: Span) -> str:
        words = re.findall(r"\\?%|[^\W\d_]+|×", paper.abstract[value[0] : value[1] + 20].split(".")[0])[:3]
        return next((UNITS[word.lower()][0] for word in words if word.lower() in UNITS), "")

    def shown(value: Span) -> str:
        text = paper.abstract[value[0] : value[1] + 2]
        return "%" if "%" in text else "x" if "×" in text else unit(value)

    return [value for value in values if shown(value) in asked] or values


def _names_beside(question: str, quotes: Sequence[Quote]) -> Iterator[Span]:
    """Yield names that the question neither says nor spells out; a sentence's first word needs an inner capital."""
    words = re.findall(r"[^\W\d_]+", question.lower())
    initials = "".join(word[0] for word in words)
    asked = frozenset(tokenize(question))
    for quote in quotes:
        for match in _NAME.finditer(quote.text):
            name, start = match[0], match.start()
            if start == 0 and not is_identifier(name.split()[0]):
                rest = re.search(r"\s+", name)
                if rest is None:
                    continue
                name, start = name[rest.end() :], rest.end()
            if not asked.issuperset(tokenize(name)) and not (name.isupper() and name.lower() in initials):
                yield quote.start + start, quote.start + match.end()


def _around(value: Span, quotes: Sequence[Quote]) -> Span:
    quote = next(each for each in quotes if each.start <= value[0] < each.end)
    return max(quote.start, value[0] - _CONTEXT), min(quote.end, value[1] + _CONTEXT)
