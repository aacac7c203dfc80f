"""Chunks: what the encoder reads in one pass, a whole abstract or else overlapping windows of its sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from rag.text.sentences import sentence_spans
from rag.types import Chunk, Paper, chunk_id

_AROUND = 4  # tokens beside title and chunk: the two special ones, the mark and the full stop after the title
_MIN_TOKENS = 16  # tokens of a chunk, however long the title is
_WORD = re.compile(r"\S+")

Span = tuple[int, int]


class Chunker:
    """Splits abstracts at sentences, by the number of the encoder's tokens."""

    def __init__(
        self, chunk_tokens: int, overlap_tokens: int, tokenize: Callable[[str], list[int]], max_tokens: int
    ) -> None:
        """`max_tokens` is what the encoder reads, the title and special tokens among them."""
        self._chunk_tokens = chunk_tokens
        self._overlap_tokens = overlap_tokens
        self._tokenize = tokenize
        self._max_tokens = max_tokens

    def chunks(self, paper: Paper) -> tuple[Chunk, ...]:
        """Split the abstract of a paper; chunk ids are `<paper_id>#<i>`."""
        text = paper.abstract
        room = min(self._chunk_tokens, max(_MIN_TOKENS, self._max_tokens - _AROUND - self._length(paper.title)))
        spans = [(0, len(text))] if self._length(text) <= room else self._windows(text, room)
        return tuple(
            Chunk(chunk_id(paper.paper_id, i), paper.paper_id, text[start:end], start, end)
            for i, (start, end) in enumerate(spans)
        )

    def _windows(self, text: str, room: int) -> Iterator[Span]:
        pieces = [piece for span in sentence_spans(text) for piece in self._fitting(text, span, room)]
        lengths = [self._length(text[start:end]) for start, end in pieces]
        first = last = 0
        while last < len(pieces):
            if last:
                first = _overlap(lengths, last, min(self._overlap_tokens, room - lengths[last]))
            last = _reach(lengths, first, room)
            yield pieces[first][0], pieces[last - 1][1]

    def _fitting(self, text: str, span: Span, room: int) -> list[Span]:
        """Return a sentence, or the words of one that is too long."""
        start, end = span
        if self._length(text[start:end]) <= room:
            return [span]
        return [match.span() for match in _WORD.finditer(text, start, end)]

    def _length(self, text: str) -> int:
        return len(self._tokenize(text))


def _reach(lengths: Sequence[int], first: int, room: int) -> int:
    """Return the end of the longest run from `first` that fits, of at least one piece."""
    last, total = first + 1, lengths[first]
    while last < len(lengths) and total + lengths[last] <= room:
        total += lengths[last]
        last += 1
    return last


def _overlap(lengths: Sequence[int], last: int, most: int) -> int:
    """Return the beginning of the longest run up to `last` that fits into the overlap."""
    first, total = last, 0
    while first and total + lengths[first - 1] <= most:
        first -= 1
        total += lengths[first]
    return first
