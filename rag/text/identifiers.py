"""Names of systems, models and data sets, recognized by capitals and digits: "GPT-4", "FlashAttention"."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_][\w.+\-/*²]*")
_SMALL = frozenset("a an and as at by for from in is of on or the to via with".split())


def find_identifiers(text: str) -> list[str]:
    """Return the words with a digit or an inner capital, and capitalized words that do not begin a sentence."""
    found = []
    for match in _WORD.finditer(text):
        word, before = match[0].rstrip(".-/"), text[: match.start()].rstrip()
        begins = not before or before[-1] in ".?!:"
        if is_identifier(word) or any(map(str.isdigit, word)) or (word[0].isupper() and not begins):
            found.append(word)
    return found


def is_proper_name(text: str) -> bool:
    """Return whether all words of a text have a capital or a digit, but for words such as "of"."""
    words = [word for word in text.split() if word.casefold() not in _SMALL]
    return bool(words) and len(find_identifiers(f"the {' '.join(words)}")) == len(words)


def is_identifier(word: str) -> bool:
    """Return whether a word has letters and a digit, or a capital after its first letter."""
    has_digit, has_letter = (any(map(kind, word)) for kind in (str.isdigit, str.isalpha))
    return (has_digit and has_letter) or any(map(str.isupper, word[1:]))
