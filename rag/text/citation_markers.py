"""The citation markers [n] of an answer, once they are checked and uniform (pure)."""

from __future__ import annotations

import re

MARKER = re.compile(r"\[(\d+)\]")
MARKERS = re.compile(r"(?:[ \t]*\[\d+\])+")
"""Markers in a row, with the blanks before them."""

_ANY_MARKER = re.compile(r"\s*[\[［【]\s*\d[\d\s,;–—-]*[\]］】]")


def without_markers(text: str) -> str:
    """Leave the markers out."""
    return MARKERS.sub("", text)


def without_any_markers(text: str) -> str:
    """Leave out what a model may have written for markers, too: lists, spans, full-width brackets."""
    return _ANY_MARKER.sub("", text)
