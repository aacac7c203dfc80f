"""Mending of typos in a question by the words of the library, and by those that say what to do with an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cache, lru_cache
from typing import get_args

from rag.index.derived import MIN_COMPOUND_LENGTH, WORD
from rag.index.papers import PaperStore
from rag.query.orders import ORDERING_WORDS, read_order
from rag.text.tokens import tokenize
from rag.types import ActionName, ExportForm

_INFLECTION = re.compile(r"(?:(?:e?d|e?rs?|ing|ly)s?|e?s|e)\Z")
_ENDINGS = ("", "e", "es", "s", *(f"{each}{s}" for each in "d ed r er rs ers ing ly".split() for s in ("", "s")))
_OWN_WORDS = frozenset((*ORDERING_WORDS, *get_args(ActionName), *get_args(ExportForm)))
_REMEMBERED = 4096  # words that were looked up
_SHORTEST = MIN_COMPOUND_LENGTH  # letters of a word that may be a typo: shorter ones have too many neighbours
_LONG = 12  # letters from which two edits are one typo; of shorter words four in five are of one (Damerau, CACM 1964)
_MOST_MENDED = 40  # unknown words of a question; the encoder reads 96 tokens
_LEAST_USES = 2  # papers that use a word, for it not to be a typo itself
_SLIPS = 0.01  # of the papers that write a word: so few write it otherwise by mistake, "lan-guage" of a broken line


class Spelling:
    """The words of one library, and which of them a misspelt one stands for."""

    def __init__(self, papers: PaperStore, is_ordinary: Callable[[str], bool]) -> None:
        """`is_ordinary` returns whether a word is a common English one, whether or not the library has it."""
        self._papers = papers
        self._is_ordinary = is_ordinary
        self._other_form = lru_cache(_REMEMBERED)(self._other_form_of)

    def mend(self, question: str) -> str:
        """Return the question with its typos mended: words that nobody knows, and that are near one that is known.

        Names are left alone: words with a digit, and those with a capital that do not begin the question.
        """
        unknown = [match for match in WORD.finditer(question) if self._is_unknown(match[0], match.start() == 0)]
        parts, at = [], 0
        for match in unknown[:_MOST_MENDED]:
            parts += [question[at : match.start()], self._mended(match[0])]
            at = match.end()
        return "".join([*parts, question[at:]])

    def respelt(self, question: str) -> str | None:
        """Return the question with compounds as other papers write them, "bi-level" for "bilevel".

        None where all papers write them alike, except for slips.
        """
        other = WORD.sub(lambda match: self._other_form(match[0]), question)
        return other if other != question else None

    def _other_form_of(self, word: str) -> str:
        """Return a word as most papers write it that write it with a hyphen more or less, else as it is."""
        lower = word.lower()
        letters = _joined(lower)
        held = [each.partition("\t")[2] for each, _ in self._papers.words_from("compound", f"{letters}\t")]
        held += [each for each in _OWN_WORDS if "-" in each and _joined(each) == letters]
        if not held or not letters.isalpha() or len(letters) < _SHORTEST:
            return word
        uses = self._uses_of([*held, letters])
        forms = [each for each in uses if each != lower and uses[each] > _SLIPS * uses.get(lower, 0)]
        return max(forms, key=lambda each: (uses[each], each)) if forms and len(uses) > 1 else word

    def _is_unknown(self, word: str, begins: bool) -> bool:
        """Return whether a word is no name, and nobody knows it; it may begin the question."""
        lower = word.lower()
        plain = word.isalpha() and (word == lower or (begins and word[1:] == lower[1:]))
        if len(word) < _SHORTEST or not plain or not word.isascii() or self._is_ordinary(lower):
            return False
        return not self._uses_of({lower, *_inflected(_base(lower))})

    def _mended(self, word: str) -> str:
        lower = word.lower()
        near = self._nearest(lower)
        stems = tokenize(lower)
        if near is None or (tokenize(near) != stems and self._has_stem(stems)):
            return word  # a known stem is only misspelt in its suffix, as in "reinforcment"
        return near.capitalize() if word != lower else near

    def _nearest(self, word: str) -> str | None:
        """Return the word that is nearest by optimal string alignment, if all that are as near say the same.

        Neighbours begin with the same letter, as typos seldom hit the first.
        """
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        edits = 1 if len(word) < _LONG else 2
        uses = dict(self._papers.words_from("spelling", word[0], _LEAST_USES))
        uses |= {each: _LEAST_USES for each in _OWN_WORDS if each[0] == word[0] and each not in uses}
        known = [each for each in uses if each.isalpha() and abs(len(each) - len(word)) <= edits]
        found = process.extract(word, known, scorer=OSA.distance, score_cutoff=edits, limit=None)
        least = min((distance for _, distance, _ in found), default=None)
        nearest = [each for each, distance, _ in found if distance == least]
        if len({_meaning(each) for each in nearest}) != 1:
            return None
        return min(nearest, key=lambda each: (-uses[each], each))

    def _has_stem(self, stems: Collection[str]) -> bool:
        known = self._uses_of(stems) or self._papers.uses_of("stem", stems)
        return bool(known) or not _own_stems().isdisjoint(stems)

    def _uses_of(self, words: Collection[str]) -> dict[str, int]:
        """Return how many papers use each word, in lower case; words of follow-ups count as used."""
        return dict.fromkeys(_OWN_WORDS.intersection(words), _LEAST_USES) | self._papers.uses_of("spelling", words)


@cache
def _own_stems() -> frozenset[str]:
    return frozenset(stem for word in _OWN_WORDS for stem in tokenize(word))


def _joined(word: str) -> str:
    return word.replace("-", "")


def _base(word: str) -> str:
    """Return a word without its inflection."""
    return _INFLECTION.sub("", word)


def _inflected(base: str) -> list[str]:
    """Return the words that may be inflections of a base."""
    return [word for ending in _ENDINGS if _base(word := base + ending) == base]


def _meaning(word: str) -> object:
    """Return the order that a word states, else its stem."""
    return (read_order(word) if word in ORDERING_WORDS else None) or tuple(tokenize(word))
