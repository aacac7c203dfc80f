"""Names of systems, models and data sets in a question, told by their capitals and digits."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_][\w.+\-/*²]*")


def find_identifiers(question: str) -> list[str]:
    """List the words with a capital inside or a digit, and those with a first capital where no sentence begins."""
    found = []
    for match in _WORD.finditer(question):
        word, before = match[0].rstrip(".-/"), question[: match.start()].rstrip()
        begins = not before or before[-1] in ".?!:"
        if is_identifier(word) or any(map(str.isdigit, word)) or (word[0].isupper() and not begins):
            found.append(word)
    return found


def is_identifier(name: str) -> bool:
    """Tell a designation: letters with a digit, or a capital after the first letter."""
    has_digit, has_letter = (any(map(kind, name)) for kind in (str.isdigit, str.isalpha))
    return (has_digit and has_letter) or any(map(str.isupper, name[1:]))
