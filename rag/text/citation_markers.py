"""Citation markers in answers, such as [1]."""

from __future__ import annotations

import re

MARKER = re.compile(r"\[(\d+)\]")
MARKERS = re.compile(r"(?:[ \t]*\[\d+\])+")
"""A run of adjacent markers, with the blanks before each."""

_ANY_MARKER = re.compile(r"\s*[\[［【]\s*\d[\d\s,;–—-]*[\]］】]")


def without_markers(text: str) -> str:
    """Return the text without its citation markers."""
    return MARKERS.sub("", text)


def without_any_markers(text: str) -> str:
    """Return the text without markers in any form a model may write: [1, 2], [1-3], full-width brackets."""
    return _ANY_MARKER.sub("", text)
