"""The sentences of a streamed Markdown answer, each found as soon as it is whole (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.markers import MARKERS, without_markers
from rag.sentences import sentence_spans

_END = re.compile(r"[.!?…]+[\"'”’)*_]*(?:[ \t]*\[\d+\])+(?=\s|$)|(?:\[\d+\])+[\"'”’)*_]*[.!?…]+[\"'”’)*_]*(?=\s|$)")
_MAY_END = re.compile(r"[.!?…][\"'”’)*_]*\s+\S{2}")
_PREFIX = re.compile(r"[ \t]*(?:>[ \t]*)*(?:(?:[-*+•]|\d{1,3}[.)])[ \t]+)?")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]")
_QUANTITY = re.compile(r"\d[\d.,]*[ \t]?[A-Za-z%×]{1,3}(?=[.!?]\s)")  # syntok takes "3 ms." for an abbreviation
_EMPHASIS = re.compile(r"(?<=[.!?])[*_~]+(?=\s|$)")
_HEADING = re.compile(r"#{1,6}[ \t]|(?:\*\*|__)[^*_]*(?:\*\*|__):?\Z")
_RULE = re.compile(r"[\s|:=_*-]*\Z")
_BEHIND = 40  # characters before what is new in which a sentence can have ended without being seen to
_AHEAD = 12  # characters behind a sentence's end that have to be there before the end is believed


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence, `text[start:end]`, with the markers behind it; a row of a table is one.

    `item` says that it stands in an item of a list or in a row, whose only paper all of its sentences may rest on.
    """

    start: int
    end: int
    line: int
    item: bool = False


class SentenceFinder:
    """Reads a text in pieces and lists the sentences that have ended; offsets are into the pieces joined.

    Headings, introductions that end in a colon, code, and what has no letters claim nothing, and are left out.
    """

    def __init__(self) -> None:
        self.text = ""
        self._from = 0  # where what is not read yet begins
        self._line_start = 0
        self._line = 0
        self._fenced = False  # in a block of code

    def feed(self, piece: str) -> list[Span]:
        """Take a piece; return the sentences that are now whole."""
        self.text += piece
        found: list[Span] = []
        while (newline := self.text.find("\n", self._from)) >= 0:
            found += self._rest_of_line(newline)
            self._from = self._line_start = newline + 1
            self._line += 1
        return found + self._ended(len(piece))

    def flush(self) -> list[Span]:
        """Return what is left at the end of the text."""
        found = self._rest_of_line(len(self.text))
        self._from = len(self.text)
        return found

    def _is_fence(self) -> bool:
        return self.text[self._line_start : self._line_start + 12].lstrip().startswith("```")

    def _is_row(self) -> bool:
        return self.text[self._line_start :].lstrip().startswith("|")

    def _rest_of_line(self, end: int) -> list[Span]:
        if self._is_fence():
            self._fenced = not self._fenced
            return []
        if self._fenced:
            return []
        if self._is_row():
            return self._claims([(self._line_start, end)]) if not self._is_header(end) else []
        return self._claims(_cut(self.text, self._from, end))

    def _is_header(self, end: int) -> bool:
        """Tell the first row of a table, and the rule below it."""
        before = self.text[: max(self._line_start - 1, 0)].rpartition("\n")[2].lstrip()
        row = self.text[self._line_start : end]
        return not before.startswith("|") or bool(_RULE.match(row))

    def _ended(self, new: int) -> list[Span]:
        """List what has ended in the line that goes on, with the last so many characters new."""
        rest = self.text[max(self._from, len(self.text) - new - _BEHIND) :]
        if self._fenced or self._is_fence() or self._is_row() or not (_MAY_END.search(rest) or _END.search(rest)):
            return []
        whole = [span for span in _cut(self.text, self._from, len(self.text)) if span[1] + _AHEAD <= len(self.text)]
        if whole:
            self._from = whole[-1][1]
        return self._claims(whole)

    def _claims(self, spans: list[tuple[int, int]]) -> list[Span]:
        item = self._is_row() or bool(_ITEM.match(self.text, self._line_start))
        found = []
        for start, end in spans:
            if start <= self._line_start:
                start = self._line_start + len(_PREFIX.match(self.text, self._line_start)[0])  # type: ignore[index]
            stripped = self.text[start:end].strip()
            if _claims_something(stripped):
                start += len(self.text[start:end]) - len(self.text[start:end].lstrip())
                found.append(Span(start, start + len(stripped), self._line, item))
        return found


def _claims_something(text: str) -> bool:
    said = without_markers(text)
    if not re.search(r"[^\W\d_]", said) or _HEADING.match(text):
        return False
    return not (text.endswith(":") and not MARKERS.search(text))


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut a stretch into sentences: where a marker ends one, and elsewhere where syntok does."""
    cuts = [match.end() + start for match in _END.finditer(text[start:end])]
    spans: list[tuple[int, int]] = []
    for first, last in zip([start, *cuts], [*cuts, end], strict=True):
        spans += _by_syntok(text, first, last)
    return spans


def _by_syntok(text: str, start: int, end: int) -> list[tuple[int, int]]:
    plain = MARKERS.sub(lambda match: " " * len(match[0]), text[start:end])
    plain = _EMPHASIS.sub(lambda match: " " * len(match[0]), plain.replace("…", "."))
    plain = _QUANTITY.sub(lambda match: "q" * len(match[0]), plain)
    starts = [start + first for first, _ in sentence_spans.__wrapped__(plain)[1:]]
    return [(a, b) for a, b in zip([start, *starts], [*starts, end], strict=True) if text[a:b].strip()]
