"""The papers of an answer that a follow-up names: by their numbers there, by position, or by title."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rag.corpus.records import title_key
from rag.corpus.titles import find_by_title
from rag.text.quantities import NUMBER_WORDS
from rag.types import Paper

_TOKEN = re.compile(r"\[\d{1,3}\]|#\s?\d{1,3}|\d{1,3}(?:st|nd|rd|th)\b|\w+|[-–,&/]")
_ORDINALS = {
    word: n
    for n, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), start=1)
} | {"former": 1, "latter": -1, "last": -1, "final": -1}  # fmt: skip
_NUMBERS = {word: n for word, n in NUMBER_WORDS.items() if 1 <= n <= 20}
_LABELS = frozenset("number no nr num paper papers article articles item items entry entries result results".split())
_ENDS = frozenset(("top", "best", "first", "last", "final"))
_JOINS = frozenset(("and", "or", "with", ",", "&", "/", "vs", "versus", "against", "to", "from", "next", "beside"))
_TO = frozenset(("-", "–", "to", "through", "until"))
_DETERMINERS = frozenset("these those the all both any other some about at least most over".split())
_QUANTIFIERS = frozenset(("more", "less", "fewer"))
_PERSONS = frozenset("author authors name names".split())
_TIMES = frozenset("year years month months week weeks day days decade decades quarter summer winter".split())
_PARTS = frozenset("words sentences lines paragraphs bullets points pages groups clusters categories columns".split())
_BETWEEN = frozenset("in into as by on per for of".split())
_MOST_DIGITS = 3

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Word:
    """A token of a follow-up: its text, the number that it states, if it does, and whether it is marked as a place."""

    text: str
    number: int | None
    place: int | None
    label: bool


def numbers_named(text: str, total: int, spans: Sequence[Span] = (), bare: bool = False) -> tuple[int, ...]:
    """Return the numbers, from 1 to `total`, by which a follow-up names papers, in its order.

    "The second", "#2", "[2]", "paper 2", "the first two", "the last" and "2 to 4" name papers; with `bare` a number
    that stands for itself does too. What stands inside one of the `spans` names none: dates and counts.
    """
    words = _words(text, spans)
    found: list[int] = []
    at = 0
    while at < len(words):
        used, named = _named(words, at, total, bare, bool(found))
        found += named
        at += used
    return tuple(dict.fromkeys(n for n in found if 1 <= n <= total))


def papers_titled(
    text: str, names: Collection[str], cited: Sequence[str], papers: Mapping[str, Paper]
) -> tuple[int, ...]:
    """Return the numbers of the cited papers whose titles, or names before a colon, a follow-up or its names hold."""
    held = {paper_id: papers[paper_id] for paper_id in cited}
    asked = f" {title_key(text)} "
    heads = {paper_id: title_key(paper.title.split(":")[0]) for paper_id, paper in held.items()}
    found = [paper_id for paper_id, head in heads.items() if head and f" {head} " in asked]
    found += [paper_id for name in names if (paper_id := find_by_title(name, held))]
    return tuple(dict.fromkeys(cited.index(paper_id) + 1 for paper_id in found))


def _words(text: str, spans: Sequence[Span]) -> list[_Word]:
    words = []
    for match in _TOKEN.finditer(text.casefold()):
        token = match.group()
        if any(start <= match.start() < end for start, end in spans):
            words.append(_Word("", None, None, False))
            continue
        digits = re.sub(r"\D", "", token)
        marked = bool(digits) and not token.isdecimal() and len(digits) <= _MOST_DIGITS and token[0] in "[#0123456789"
        number = int(digits) if token.isdecimal() and len(digits) <= _MOST_DIGITS else _NUMBERS.get(token)
        place = int(digits) if marked else _ORDINALS.get(token)
        words.append(_Word(token, number, place, token in _LABELS))
    return words


def _named(words: Sequence[_Word], at: int, total: int, bare: bool, any_before: bool) -> tuple[int, list[int]]:
    """Return how many words at a place were read, and the numbers that they name."""
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else _Word("", None, None, False)
    ahead = [each.text for each in words[at + 1 : at + 3]]
    if word.place is not None and not (_PERSONS.isdisjoint(ahead[:1]) and _TIMES.isdisjoint(ahead)):
        return 1, []  # the last author, the last two years
    if word.text in _ENDS and following.number is not None:
        several = min(following.number, total)
        return 2, list(
            range(1, several + 1) if word.text not in ("last", "final") else range(total - several + 1, total + 1)
        )
    if word.place is not None:
        place = total if word.place == -1 else word.place
        return _range(words, at, place, total)
    if word.label and following.number is not None:
        return _series(words, at + 1, total, at)
    if bare and word.number is not None and _stands_alone(words, at, any_before):
        return _range(words, at, word.number, total)
    return 1, []


def _series(words: Sequence[_Word], at: int, total: int, start: int) -> tuple[int, list[int]]:
    """Read the numbers after a label: "papers 1, 2 and 5", "number 3 to 6"."""
    found: list[int] = []
    while at < len(words) and words[at].number is not None:
        used, named = _range(words, at, words[at].number or 0, total)
        found += named
        at += used
        joined = at
        while joined < len(words) and words[joined].text in _JOINS:
            joined += 1
        if joined == at or joined >= len(words) or words[joined].number is None:
            break
        at = joined
    return at - start, found


def _range(words: Sequence[_Word], at: int, first: int, total: int) -> tuple[int, list[int]]:
    """Read "2 to 4" and "2-4", else the number alone."""
    if at + 2 < len(words) and words[at + 1].text in _TO:
        last = words[at + 2].number or words[at + 2].place
        if last is not None and first < last <= total:
            return 3, list(range(first, last + 1))
    return 1, [first]


def _stands_alone(words: Sequence[_Word], at: int, any_before: bool) -> bool:
    """Return whether a number is a name: digits except in "the 3 papers", and a word such as "two" beside another."""
    before = words[at - 1].text if at else ""
    after = words[at + 1].text if at + 1 < len(words) else ""
    if before in _DETERMINERS or after in _LABELS | {"more", "times", "others"} or _is_length(words, at):
        return False
    if before == "than" and (after or at < 2 or words[at - 2].text in _QUANTIFIERS):
        return False  # "more than 3", but "is 1 newer than 3?"
    if words[at].text.isdigit():
        return True
    if words[at].text == "one" and before not in _JOINS and after not in _JOINS:
        return False  # the second one
    beside = any_before or (after in _JOINS and any(word.number is not None for word in words[at + 1 : at + 4]))
    return beside or (at > 0 and at + 1 == len(words) and before not in ("in", "into"))


def _is_length(words: Sequence[_Word], at: int) -> bool:
    """Return whether a number says how long an answer or how many its parts are: "2 lines", "three short sentences"."""
    following = [each.text for each in words[at + 1 : at + 3]]
    if words[at].number == 1:
        following = [f"{each}s" for each in following]
    return not _PARTS.isdisjoint(following[:1]) or (
        not _PARTS.isdisjoint(following[1:]) and following[0] not in _BETWEEN | _JOINS
    )
