"""Sentences of a streamed Markdown answer, each as soon as it is complete."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rag.text.citation_markers import MARKERS, without_markers
from rag.text.sentences import sentence_spans
from rag.verification.clauses import split_cells

_END = re.compile(
    r"(?<![.!?…])[.!?…]+[\"'”’)*_]*(?:[ \t]{0,8}\[\d+\])+(?=\s|$)"
    r"|(?:\[\d+\]){1,40}[\"'”’)*_]*[.!?…]+[\"'”’)*_]*(?=\s|$)"
)
_MAY_END = re.compile(r"[.!?…][\"'”’)*_]*\s+\S{2}")
_PREFIX = re.compile(r"[ \t]*(?:>[ \t]*)*(?:#{1,6}[ \t]+)?(?:(?:[-*+•]|\d{1,3}[.)])[ \t]+)?")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]")
_QUANTITY = re.compile(r"\d[\d.,]{0,30}[ \t]?[A-Za-z%×]{1,3}(?=[.!?]\s)")  # syntok takes "3 ms." for an abbreviation
_EMPHASIS = re.compile(r"(?<=[.!?])[*_~]+(?=\s|$)")
_TITLED = re.compile(r"[ \t]*(?:>[ \t]*)*#{1,6}[ \t]")
_BOLD = re.compile(r"(?:\*\*|__)[^*_]*(?:\*\*|__):?\Z")
_RUN_IN = re.compile(r"(?:\*\*|__)[^\s*_\d]+(?:\s[^\s*_\d]+){0,7}(?:\s?(?:\*\*|__)[.:]?|(?<=[.:])(?:\*\*|__))")
_STATED = re.compile(r"[.!][\"'”’)*_]*\Z")
_FENCE = re.compile(r"[ \t]*```[ \t]*[\w+-]*[ \t]*\Z")
_RULE = re.compile(r"[\s|:=_*-]*\Z")
_BEHIND_SPACE = re.compile(r"(?<=\s)")
_LEAST_WORDS = 4  # of a heading that states something
_BEHIND = 40  # characters before the new ones in which the end of a sentence may have been undecided
_LONG = 300  # characters of unread text from which it is only cut again when it has grown by so much:
_GROWTH = 1.25
_AHEAD = 12  # characters after a sentence's end that must be there before the end is certain


@dataclass(frozen=True, slots=True)
class ReplySentence:
    """A sentence, `text[start:end]`, with the markers after it, on line `line`; a table row is one sentence.

    `item` is set in list items: a sentence without a marker there may rest on the item's only paper. `columns` are the
    headings of a table row's columns, with their markers, None for what is no row.
    """

    start: int
    end: int
    line: int
    item: bool = False
    columns: tuple[str, ...] | None = None


class SentenceStream:
    """Takes a text in pieces and returns the sentences that have ended; offsets are into the joined pieces.

    Headings, introductions that end in a colon, and lines without letters claim nothing and are skipped, but a heading
    that cites something or ends like a statement is a sentence. Text between code fences is read like any other.
    """

    def __init__(self) -> None:
        self.text = ""
        self._word = ""  # that may go on; looking word by word, what is found does not depend on the pieces
        self._from = 0  # start of the unread text
        self._line_start = 0
        self._line = 0
        self._tried = 0  # characters of the unread text when it was last cut into sentences
        self._columns: tuple[str, ...] = ()
        self._header: list[
            ReplySentence
        ] = []  # a table's first row, until the next line decides whether it is its header

    def feed(self, piece: str) -> list[ReplySentence]:
        """Take a piece; return the sentences that are now complete."""
        first, *others = _BEHIND_SPACE.split(piece)
        self._word += first
        found: list[ReplySentence] = []
        for word in others:
            found += self._add(self._word)
            self._word = word
        return found

    def _add(self, word: str) -> list[ReplySentence]:
        """Add a word with the white space after it."""
        self.text += word
        if not word.endswith("\n"):
            return self._ended(len(word))
        found = self._rest_of_line(len(self.text) - 1)
        self._from = self._line_start = len(self.text)
        self._line += 1
        return found

    def flush(self) -> list[ReplySentence]:
        """Return what is left at the end of the text."""
        self.text, self._word = self.text + self._word, ""
        found = self._rest_of_line(len(self.text)) + self._no_header()
        self._from = len(self.text)
        return found

    def _may_be_fence(self) -> bool:
        return self.text[self._line_start : self._line_start + 12].lstrip(" \t").startswith("```")

    def _is_row(self) -> bool:
        return self.text[self._line_start : self._line_start + _BEHIND].lstrip(" \t").startswith("|")

    def _rest_of_line(self, end: int) -> list[ReplySentence]:
        if _FENCE.match(self.text[self._line_start : end]):
            return []
        if self._is_row():
            return self._row(end)
        return self._no_header() + self._claims(_cut(self.text, self._from, end))

    def _row(self, end: int) -> list[ReplySentence]:
        """Return a table row; the first row only once no rule follows it, since it is the header otherwise."""
        said = self.text[self._line_start : end]
        if _RULE.match(said):
            self._header = []
            return []
        begins = not self.text[: max(self._line_start - 1, 0)].rpartition("\n")[2].lstrip().startswith("|")
        if begins:
            self._columns = tuple(said[a:b] for a, b in split_cells(said))
        row = [replace(each, columns=self._columns) for each in self._claims([(self._line_start, end)])]
        if not begins:
            return self._no_header() + row
        self._header = row
        return []

    def _no_header(self) -> list[ReplySentence]:
        """Return the row that was taken for a header but is none."""
        row, self._header = self._header, []
        return row

    def _ended(self, new: int) -> list[ReplySentence]:
        """Return the sentences that have ended in the unfinished line; its last `new` characters are new."""
        rest = self.text[max(self._from, len(self.text) - new - _BEHIND) :]
        if self._may_be_fence() or self._is_row() or not (_MAY_END.search(rest) or _END.search(rest)):
            return []
        unread = len(self.text) - self._from
        if unread > _LONG and unread < _GROWTH * self._tried:
            return []
        self._tried = unread
        whole = [span for span in _cut(self.text, self._from, len(self.text)) if span[1] + _AHEAD <= len(self.text)]
        if not whole:
            return []
        self._from, self._tried = whole[-1][1], 0
        return self._no_header() + self._claims(whole)

    def _claims(self, spans: list[tuple[int, int]]) -> list[ReplySentence]:
        item = bool(_ITEM.match(self.text, self._line_start))
        titled = bool(_TITLED.match(self.text, self._line_start))
        found = []
        for start, end in spans:
            if start <= self._line_start:
                start = self._line_start + len(_PREFIX.match(self.text, self._line_start)[0])  # type: ignore[index]
            stripped = self.text[start:end].strip()
            at_start = not self.text[self._line_start : start].strip(" \t>#*-+•0123456789.)")
            if (
                at_start
                and self.text[start + len(self.text[start:end].rstrip()) :].strip()
                and _RUN_IN.fullmatch(stripped)
            ):
                continue  # the title of what follows on its line
            if _claims_something(stripped, titled):
                start += len(self.text[start:end]) - len(self.text[start:end].lstrip())
                found.append(ReplySentence(start, start + len(stripped), self._line, item))
        return found


def _claims_something(text: str, titled: bool) -> bool:
    if not re.search(r"[^\W\d_]", without_markers(text)):
        return False
    if MARKERS.search(text):
        return True
    states = bool(_STATED.search(text)) and len(text.split()) >= _LEAST_WORDS
    return not text.endswith(":") and (states or not (titled or _BOLD.match(text)))


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Split text[start:end] into sentences: where a marker ends one, and elsewhere by syntok."""
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
