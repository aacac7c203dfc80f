"""Names of systems, models and data sets, recognized by capitals and digits: "GPT-4", "FlashAttention"."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_][\w.+\-/*²]*")


def find_identifiers(text: str) -> list[str]:
    """Return the words with a digit or an inner capital, and capitalized words that do not begin a sentence."""
    found = []
    for match in _WORD.finditer(text):
        word, before = match[0].rstrip(".-/"), text[: match.start()].rstrip()
        begins = not before or before[-1] in ".?!:"
        if is_identifier(word) or any(map(str.isdigit, word)) or (word[0].isupper() and not begins):
            found.append(word)
    return found


def is_identifier(word: str) -> bool:
    """Return whether a word has letters and a digit, or a capital after its first letter."""
    has_digit, has_letter = (any(map(kind, word)) for kind in (str.isdigit, str.isalpha))
    return (has_digit and has_letter) or any(map(str.isupper, word[1:]))
