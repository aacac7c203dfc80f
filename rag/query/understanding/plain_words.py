"""Everyday words for things of computing, replaced by the field's own terms.

Abstracts are written in the field's terms and people ask in their own; no small model knows that a handset is a mobile
device. `plain-words.json` maps expressions to terms, longer ones first. It was written from general knowledge,
by somebody who had seen neither the collection nor a question about it, and should be added to in that way only.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("plain-words.json")


def in_terms(text: str) -> str:
    """Replace everyday words by the field's terms; a text that uses terms stays as it is."""
    pattern, terms = _table()
    return pattern.sub(lambda match: terms[match.lastgroup or ""], text)


@cache
def _table() -> tuple[re.Pattern[str], dict[str, str]]:
    entries = json.loads(_TABLE.read_text(encoding="utf-8"))
    pattern = "|".join(rf"(?P<w{i}>\b(?:{expression})\b)" for i, expression in enumerate(entries))
    return re.compile(pattern, re.IGNORECASE), {f"w{i}": terms for i, terms in enumerate(entries.values())}
