"""Sentences of an abstract by their offsets, and the sentence that some first words name (pure)."""

from __future__ import annotations

import re

_END = re.compile(
    r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bet al\.)(?<!\bvs\.)(?<!\bcf\.)(?<=[.!?])[)\]\"”’]*\s+(?=[A-Z0-9(\[\"“$\\])"
)

Span = tuple[int, int]


def sentence_spans(text: str) -> list[Span]:
    """Return the start and end offsets of a text's sentences, without the white space between them."""
    starts = [0, *(match.end() for match in _END.finditer(text))]
    spans = [(start, end) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [(start, start + len(text[start:end].rstrip())) for start, end in spans if text[start:end].strip()]


def locate(text: str, first_words: str) -> Span | None:
    """Return the sentence of a text that begins with, or else holds, the given words; None where none does."""
    at = text.find(first_words.strip())
    if at < 0:
        return None
    return next(((start, end) for start, end in sentence_spans(text) if start <= at < end), None)
