"""Normalise stretches of a question that state numbers: how many papers, and how many authors a paper has."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.quantities import NUMBER_WORDS

_NUMBERS = NUMBER_WORDS | {"dozen": 12, "couple": 2, "pair": 2, "both": 2, "single": 1, "hundred": 100}
_ONES = range(1, 10)
_MOST_DIGITS = 6
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[^\w\s]")

_ALONE = frozenset("single sole solo lone alone only one".split())
_MORE = frozenset("more over above exceeding > larger".split())
_LESS = frozenset("fewer less under below < smaller".split())
_LEAST = frozenset("least minimum min + ≥ upwards".split())
_MOST = frozenset("most maximum max up ≤ maximal".split())


def split_tokens(text: str) -> list[str]:
    """Return runs of digits, runs of letters in lower case, and single signs."""
    return _TOKEN.findall(text.casefold())


def read_number(tokens: Sequence[str]) -> tuple[int, int | None]:
    """Return how many tokens at the beginning state a number, and the number: (2, 25) for "twenty", "five"."""
    at, number = 0, None
    if tokens[:1] == ["half"] and "dozen" in tokens[1:3]:
        return tokens.index("dozen") + 1, 6
    if tokens and tokens[0] == "a" and tokens[1:2] and tokens[1] in ("couple", "dozen", "pair", "hundred", "single"):
        at = 1
    while at < len(tokens):
        if tokens[at] == "-" and number is not None and number % 10 == 0 and _value((*tokens, "")[at + 1]) in _ONES:
            at += 1
        value = _value(tokens[at])
        if value is None or (number is not None and not (number % 10 == 0 and 20 <= number < 100 and value in _ONES)):
            break
        number = value if number is None else number + value
        at += 1
        if tokens[at : at + 1] == ["hundred"] and number < 10:
            number, at = 100 * number, at + 1
    if number is None:
        return 0, None
    return at + (tokens[at - 1] in ("couple", "pair") and tokens[at : at + 1] == ["of"]), number


def read_count(text: str) -> int | None:
    """Return the number of papers that a stretch asks for, the greater of two; None if it states none ("a few")."""
    return max((number for number in _numbers(split_tokens(text)) if number), default=None)


def read_author_count(text: str) -> tuple[int | None, int | None] | None:
    """Return the least and the greatest number of authors that a stretch states; None if it states none."""
    tokens = split_tokens(text)
    numbers, words = sorted(_numbers(tokens)), frozenset(tokens)
    if not numbers or numbers == [1]:
        if words & _LESS:
            return None
        if words & {"multi", "multiple", "several", "many"} or (numbers and words & _LEAST):
            return 2 - bool(numbers), None
        return (1, 1) if words & _ALONE else None
    low, high = numbers[0], numbers[-1]
    negated = not words.isdisjoint(("no", "not"))
    or_equal = "or" in words
    if len(numbers) > 1:
        return low, high
    if words & _MORE:
        return (None, low) if negated else (low if or_equal else low + 1, None)
    if words & _LESS:
        return (low, None) if negated else (None, low if or_equal else low - 1)
    if words & _LEAST:
        return low, None
    return (None, low) if words & _MOST else (low, low)


def _numbers(tokens: list[str]) -> list[int]:
    found, at = [], 0
    while at < len(tokens):
        length, number = read_number(tokens[at : at + 4])
        if number is not None:
            found.append(number)
        at += max(length, 1)
    return found


def _value(token: str) -> int | None:
    if token.isdigit() and token.isascii() and len(token) <= _MOST_DIGITS:
        return int(token)
    return _NUMBERS.get(token)
