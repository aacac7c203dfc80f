"""The instructions of our prompts in a streamed reply: sentences that repeat them are no answer and are removed."""

from __future__ import annotations

import re
from functools import cache

from rag.generation.prompts import INSTRUCTIONS
from rag.text.sanitize import decode_visible

_LEAST_WORDS = 8  # in a row; an abstract of the included collection shares at most 4 with the instructions
_OPENING_CHARACTERS = 40
_LONGEST_WORD = 300  # characters of an unfinished word that are buffered
_TOKEN = re.compile(r"(?P<word>[^\W\d_]+)|[\W\d_]+")
_WHOLE_WORDS = re.compile(r"(?s:.*)[\W\d_]")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]*_`]*(?=\s)|(?=\n)")
_LINE_START = re.compile(rf"(?:\A|(?<=\n))[^\n]{{0,{_OPENING_CHARACTERS}}}\Z")
_OPENING = re.compile(rf"[\"'“‘«(\[*_`~]{{0,{_OPENING_CHARACTERS}}}\Z")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*$", re.MULTILINE)


class InstructionFilter:
    """Passes a reply on without the sentences that have many words in a row from the instructions.

    What stands in such a sentence before these words may have been shown and stays; "…" marks the omission. Words are
    compared without case, digits and punctuation, so that lists, quotes and code blocks hide nothing.
    """

    def __init__(self) -> None:
        self.removed = False
        self._start()

    def _start(self) -> None:
        self._unfinished = ""  # a word that may go on
        self._between: list[str] = []  # text since the last word
        self._run: list[str] = []  # the last words as far as the instructions have them in a row
        self._held: list[tuple[str, str]] = []  # the text before each word of the run, and the word
        self._removing = False
        self._shown = ""  # end of the output

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown so far."""
        text = self._unfinished + text
        whole = _WHOLE_WORDS.match(text)
        end = whole.end() if whole else 0
        if len(text) - end > _LONGEST_WORD:
            end = len(text)
        self._unfinished = text[end:]
        out = self._read(text[:end])
        if self._removing or self._held:
            return out
        between = "".join(self._between)
        opening = self._opening(between)
        self._between = [between[opening:]]
        return out + self._passed(between[:opening])

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        out = self._read(self._unfinished)
        rest = "".join(self._between)
        held = "".join(before + word for before, word in self._held)
        out += _fences(rest) if self._removing else held + rest
        self._start()
        return out

    def _read(self, text: str) -> str:
        out = ""
        for token in _TOKEN.finditer(text):
            if token["word"] is None:
                self._between.append(token[0])
                continue
            out += self._passed(self._add(token[0]))
        return out

    def _passed(self, text: str) -> str:
        self._shown = (self._shown + text)[-_OPENING_CHARACTERS:]
        return text

    def _add(self, word: str) -> str:
        """Add a word with what stands before it; return what can be shown."""
        before, self._between = "".join(self._between), []
        self._run.append(word.casefold())
        while self._run and f" {' '.join(self._run)} " not in _instructions():
            self._run.pop(0)
        repeats = len(self._run) >= _LEAST_WORDS
        if self._removing:
            end = _SENTENCE_END.search(before)
            if repeats or end is None:
                return _fences(before)
            self._removing = False
            before = before[end.end() :]
            if self._at_line_start() and before.startswith("\n"):
                before = before[1:]
            elif self._shown[-1:] in " \t\n":
                before = before.lstrip(" \t")
        self._held.append((before, word))
        if repeats:
            before = self._held[0][0]
            self._held.clear()
            self._removing = self.removed = True
            return self._opened(before)
        done, self._held = self._held[: -len(self._run) or None], self._held[-len(self._run) :] if self._run else []
        return "".join(before + word for before, word in done)

    def _opened(self, before: str) -> str:
        """Return what stands before a removed sentence, or before its removed end with a mark of the omission."""
        kept = before[: self._opening(before)]
        said = (self._shown + kept)[-_OPENING_CHARACTERS:].rstrip(" \t\"'“”‘’»)*_")
        return kept if said[-1:] in ("", "\n", *".!?…:|") else f"{kept}…"

    def _opening(self, before: str) -> int:
        """Return where the bullet, quote or emphasis of a sentence begins in the text before its first word."""
        found = _LINE_START.search(before)
        if found is None or (not found.start() and not self._at_line_start()):
            found = _OPENING.search(before)
        return found.start()  # type: ignore[union-attr]

    def _at_line_start(self) -> bool:
        return self._shown[-1:] in ("", "\n")


def repeats_instructions(text: str) -> bool:
    """Return whether a reply has a sentence that repeats the instructions."""
    found = InstructionFilter()
    found.feed(decode_visible(text))
    found.flush()
    return found.removed


def _fences(text: str) -> str:
    """Return the fences of a removed text, since code may begin or end there that is not removed."""
    return "".join(f"{fence}\n" for fence in _FENCE.findall(text))


@cache
def _instructions() -> str:
    """Return the words of all instructions, between spaces."""
    return " | ".join(
        f" {' '.join(each['word'].casefold() for each in _TOKEN.finditer(text) if each['word'])} "
        for text in INSTRUCTIONS
    )
