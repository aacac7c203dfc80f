"""Which fields of the records a question names: who wrote a paper, when and where it appeared, its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

RecordField = Literal["authors", "date", "venue", "code"]

_WORDS: Mapping[RecordField, re.Pattern[str]] = {
    "authors": re.compile(r"\b(?:who|whom|whose|authors?|wrote|written by)\b", re.IGNORECASE),
    "date": re.compile(r"\b(?:when|date|dated|year|published|released|old|new|newest|oldest|latest)\b", re.IGNORECASE),
    "venue": re.compile(r"\b(?:where|venue|conference|journal|appeared|presented)\b", re.IGNORECASE),
    "code": re.compile(r"\b(?:code|github|repo\w*|implementation|open[ -]source\w*)\b", re.IGNORECASE),
}


def fields_asked(question: str) -> list[RecordField]:
    """Return the fields that a question names."""
    return [field for field, words in _WORDS.items() if words.search(question)]
