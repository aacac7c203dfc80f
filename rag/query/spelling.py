"""Mending of typos in a question by the words of the library, and by those that say what to do with an answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import get_args

from rag.query.orders import ORDERING_WORDS, read_order
from rag.text.tokens import tokenize
from rag.types import ActionName, ExportForm, Paper

_WORD = re.compile(r"[^\W_]+(?:[-’'][^\W_]+)*")
_INFLECTION = re.compile(r"(?:(?:e?d|e?rs?|ing|ly)s?|e?s|e)\Z")
_SHORTEST = 5  # letters of a word that may be a typo: shorter ones have too many neighbours
_LONG = 12  # letters from which two edits are one typo; of shorter words four in five are of one (Damerau, CACM 1964)
_LEAST_USES = 2  # papers that use a word, for it not to be a typo itself


class Spelling:
    """The words of one library, and which of them a misspelt one stands for."""

    def __init__(self, papers: Iterable[Paper], is_ordinary: Callable[[str], bool]) -> None:
        """`is_ordinary` returns whether a word is a common English one, whether or not the library has it."""
        self._papers = papers
        self._is_ordinary = is_ordinary

    def mend(self, question: str) -> str:
        """Return the question with its typos mended: words that nobody knows, and that are near one that is known.

        Names are left alone: words with a digit, and those with a capital that do not begin the question.
        """
        return _WORD.sub(lambda match: self._mended(match[0], begins=match.start() == 0), question)

    def respelt(self, question: str) -> str | None:
        """Return the question with compounds as other papers write them, "bi-level" for "bilevel".

        None where all papers write them alike.
        """
        other = _WORD.sub(lambda match: self._other_form(match[0]), question)
        return other if other != question else None

    def _other_form(self, word: str) -> str:
        lower = word.lower()
        forms = [each for each in self._compounds.get(_joined(lower), ()) if each != lower]
        return max(forms, key=lambda each: (self._uses[each], each)) if forms else word

    def _mended(self, word: str, begins: bool) -> str:
        lower = word.lower()
        plain = word.isalpha() and (word == lower or (begins and word[1:] == lower[1:]))
        if len(word) < _SHORTEST or not plain or not word.isascii() or self._is_ordinary(lower):
            return word
        if lower in self._uses or _base(lower) in self._bases:
            return word
        near = self._nearest(lower)
        stems = tokenize(lower)
        if near is None or (not self._stems.isdisjoint(stems) and tokenize(near) != stems):
            return word  # a known stem is only misspelt in its suffix, as in "reinforcment"
        return near.capitalize() if word != lower else near

    def _nearest(self, word: str) -> str | None:
        """Return the word that is nearest by optimal string alignment, if all that are as near say the same.

        Neighbours begin with the same letter, as typos seldom hit the first.
        """
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        edits = 1 if len(word) < _LONG else 2
        known = [each for each in self._by_letter.get(word[0], ()) if abs(len(each) - len(word)) <= edits]
        found = process.extract(word, known, scorer=OSA.distance, score_cutoff=edits, limit=None)
        least = min((distance for _, distance, _ in found), default=None)
        nearest = [each for each, distance, _ in found if distance == least]
        if len({_meaning(each) for each in nearest}) != 1:
            return None
        return min(nearest, key=lambda each: (-self._uses[each], each))

    @cached_property
    def _uses(self) -> Mapping[str, int]:
        """The number of papers that use each word, in lower case; words of follow-ups count as used."""
        uses = Counter(
            word for paper in self._papers for word in {match[0].lower() for match in _WORD.finditer(_text(paper))}
        )
        return uses | Counter(
            dict.fromkeys((*ORDERING_WORDS, *get_args(ActionName), *get_args(ExportForm)), _LEAST_USES)
        )

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(stem for word in self._uses for stem in tokenize(word))

    @cached_property
    def _bases(self) -> frozenset[str]:
        return frozenset(map(_base, self._uses))

    @cached_property
    def _compounds(self) -> Mapping[str, list[str]]:
        """The words that some paper writes with a hyphen and some without, by their letters."""
        forms: dict[str, list[str]] = {}
        for word in self._uses:
            if len(word) >= _SHORTEST and _joined(word).isalpha():
                forms.setdefault(_joined(word), []).append(word)
        return {letters: words for letters, words in forms.items() if len(words) > 1}

    @cached_property
    def _by_letter(self) -> Mapping[str, list[str]]:
        index: dict[str, list[str]] = {}
        for word, uses in self._uses.items():
            if uses >= _LEAST_USES and word.isalpha() and len(word) >= _SHORTEST - 1:
                index.setdefault(word[0], []).append(word)
        return index


def _joined(word: str) -> str:
    return word.replace("-", "")


def _base(word: str) -> str:
    """Return a word without its inflection."""
    return _INFLECTION.sub("", word)


def _meaning(word: str) -> object:
    """Return the order that a word states, else its stem."""
    return (read_order(word) if word in ORDERING_WORDS else None) or tuple(tokenize(word))


def _text(paper: Paper) -> str:
    return " ".join([paper.title, paper.abstract, *paper.authors, paper.venue or "", paper.organisation or ""])
