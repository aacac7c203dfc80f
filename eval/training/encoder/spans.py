"""Marked questions as text, spans and labels of word pieces, and back (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

KINDS = ("list", "fact", "compare", "lookup", "summary", "metadata", "help", "off-topic")
FOLLOW_UPS = ("none", "refine", "ask", "act", "new")
TAGS = {
    "t": "topic",
    "s": "side",
    "d": "date",
    "o": "order",
    "c": "count",
    "a": "author",
    "na": "author count",
    "v": "venue",
    "org": "organisation",
    "code": "code",
    "x": "exclusion",
}
LABELS = ("O", *(f"{prefix}-{tag}" for tag in TAGS.values() for prefix in "BI"))
_MARK = re.compile(rf"<(/?)({'|'.join(TAGS)})>")


@dataclass(frozen=True, slots=True)
class TaggedSpan:
    """A stretch of a question and its tag."""

    start: int
    end: int
    tag: str


@dataclass(frozen=True, slots=True)
class MarkedQuestion:
    """A question, its kind and follow-up type, and its tagged spans; `weight` is that of its loss."""

    text: str
    kind: str
    follow_up: str
    spans: tuple[TaggedSpan, ...]
    weight: float = 1.0


def parse_marks(marked: str) -> tuple[str, tuple[TaggedSpan, ...]]:
    """Take the marks `<t>…</t>` out of a question; raises ValueError for one that is not closed."""
    text, spans, at, opened = "", [], 0, None
    for match in _MARK.finditer(marked):
        text += marked[at : match.start()]
        at = match.end()
        closing, name = match.groups()
        if closing:
            if opened is None or opened[0] != name:
                raise ValueError(f"</{name}> closes nothing in {marked!r}")
            spans.append(TaggedSpan(opened[1], len(text), TAGS[name]))
            opened = None
        elif opened is None:
            opened = (name, len(text))
        else:
            raise ValueError(f"<{name}> stands within <{opened[0]}> in {marked!r}")
    if opened is not None:
        raise ValueError(f"<{opened[0]}> is not closed in {marked!r}")
    return text + marked[at:], tuple(spans)


def piece_labels(spans: Sequence[TaggedSpan], starts: Sequence[int]) -> list[int]:
    """Return the number in LABELS of each word piece, given the offsets where pieces begin."""
    found = []
    before: TaggedSpan | None = None
    for start in starts:
        span = next((each for each in spans if each.start <= start < each.end), None)
        prefix = "I" if span is not None and span is before else "B"
        found.append(0 if span is None else LABELS.index(f"{prefix}-{span.tag}"))
        before = span
    return found
