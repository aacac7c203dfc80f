"""Replace everyday words by technical terms.

Abstracts use technical terms where people ask in everyday words, and a small embedding model does not relate the two.
`plain-words.json` maps regular expressions to terms, longer expressions first. It was written from general knowledge,
without looking at the collection or at test questions; extend it in the same way only.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("plain-words.json")


def in_terms(text: str) -> str:
    """Return a text with everyday words replaced by technical terms."""
    pattern, terms = _table()
    return pattern.sub(lambda match: terms[match.lastgroup or ""], text)


@cache
def _table() -> tuple[re.Pattern[str], dict[str, str]]:
    entries = json.loads(_TABLE.read_text(encoding="utf-8"))
    pattern = "|".join(rf"(?P<w{i}>\b(?:{expression})\b)" for i, expression in enumerate(entries))
    return re.compile(pattern, re.IGNORECASE), {f"w{i}": terms for i, terms in enumerate(entries.values())}
