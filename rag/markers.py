"""The citation markers [n] of an answer, once they are checked and uniform (pure)."""

from __future__ import annotations

import re

MARKER = re.compile(r"\[(\d+)\]")
MARKERS = re.compile(r"(?:[ \t]*\[\d+\])+")
"""Markers in a row, with the blanks before them."""


def without_markers(text: str) -> str:
    """Leave the markers out."""
    return MARKERS.sub("", text)
