"""Notices a model that repeats itself in streamed text (pure)."""

from __future__ import annotations

import re
from collections import defaultdict, deque

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,24}")
_LONGEST_WORD = 24  # characters; a longer run is read as several words
_LONGEST_BLOCK = 120  # words
_COPIES = 3  # of a block after its first
_LEAST = 40  # words of copies: a table may well say "yes" in a dozen cells
_MARKS = 1500  # characters without a word: the ruler under a wide table has some hundreds


class LoopWatcher:
    """Follows a text as it grows, and tells when its last words are one block over and over.

    A block is of 1 to 120 words; its copies must follow each other, be three or more after the first, and hold forty
    words or more. Only words count: what differs in a number or a name is no copy.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._position = 0
        self._places: defaultdict[str, deque[int]] = defaultdict(deque)
        self._runs: dict[int, int] = {}
        self._marks = 0

    def feed(self, text: str) -> bool:
        """Tell whether the text loops, with this piece."""
        self._rest += text
        end = read = 0
        looping = False
        for match in _WORD.finditer(self._rest):
            end = match.start()
            if match.end() == len(self._rest) and len(match.group()) < _LONGEST_WORD:
                break  # the word may go on
            looping = self._read(match.group().casefold()) or looping
            read = end = match.end()
        self._marks = len(self._rest) - read if end else self._marks + len(text)
        self._rest = self._rest[end:]
        return looping or self._marks > _MARKS

    def _read(self, word: str) -> bool:
        places = self._places[word]
        while places and self._position - places[0] > _LONGEST_BLOCK:
            places.popleft()
        self._runs = {block: self._runs.get(block, 0) + 1 for block in (self._position - place for place in places)}
        places.append(self._position)
        self._position += 1
        return any(run >= max(_LEAST, _COPIES * block) for block, run in self._runs.items())
