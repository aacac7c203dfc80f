"""Format counts, and titles and quotations of papers, for display."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.citation_markers import SQUARE_CLOSE, SQUARE_OPEN
from rag.text.latex import latex_to_text
from rag.text.sanitize import sanitize_markdown

_REFERENCE = re.compile(
    rf"[{SQUARE_OPEN}](\s{{0,9}}(?:(?:p|paper|source|ref|doc)\.?\s?)?\d[\d\s,;–—-]{{0,99}})[{SQUARE_CLOSE}]",
    re.IGNORECASE,
)
_LONGEST_NAME = 160  # characters; the longest names are those of proceedings and of consortia


def format_count(count: int, noun: str) -> str:
    """Return a count with its noun in the singular or plural: "1 paper", "3 papers"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_list(parts: Sequence[str]) -> str:
    """Return one or more parts as a list in words: "A", "A and B", "A, B and C"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def capitalized(name: str) -> str:
    """Return a name with a capital letter first."""
    return f"{name[:1].upper()}{name[1:]}"


def display_title(title: str) -> str:
    """Return a title as one line of plain text with its LaTeX converted."""
    return display_line(latex_to_text(title))


def display_name(name: str) -> str:
    """Return an untrusted name of a person, venue or organisation as one line; what is too long for a name is cut."""
    line = display_line(name)
    return line if len(line) <= _LONGEST_NAME else f"{line[:_LONGEST_NAME].rstrip()}…"


def display_line(text: str) -> str:
    """Return untrusted text as one sanitized line, in which no bracketed number can pass for one of our citations."""
    return _REFERENCE.sub(r"(\1)", sanitize_markdown(" ".join(text.split())))
