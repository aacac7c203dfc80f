"""Search queries out of a model's reply, whatever form it has (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rag.llm.declines import declines
from rag.text.sanitize import strip_invisible
from rag.text.tokens import tokenize

_LEAST_LETTERS, _MOST_CHARACTERS = 3, 200
_LABEL = re.compile(
    r"^\s*(?:[-*+•>#]+\s+|\(?\d{1,2}[.):]\s*|(?:search )?(?:query|q)\s*#?\d*\s*[:.)]\s*)+", re.IGNORECASE
)
_AROUND = " \t*_`\"'“”‘’,;"
_TALK = re.compile(
    r"\W*(?:sure|certainly|of course|okay|ok|here (?:are|is)|here's|note|these|the following|i (?:have|can|will|hope)"
    r"|let me|please|ignore|queries)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[<>{}\[\]|\\]|\w+://|\bwww\.", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)


def queries_in(reply: str, most: int, known: Sequence[str] = ()) -> tuple[str, ...]:
    """List at most so many queries of a reply, each with words that no other and none of the `known` has.

    They stand one a line, numbered or not, or in JSON; a line of talk, of markup or of over 200 characters is none.
    """
    seen = {frozenset(tokenize(text)) for text in known}
    found: list[str] = []
    for line in _lines(_FENCE.sub("", reply)):
        text = " ".join(_LABEL.sub("", strip_invisible(line).strip(_AROUND)).strip(_AROUND).split())
        terms = frozenset(tokenize(text))
        if len(found) < most and terms and terms not in seen and _is_query(text):
            seen.add(terms)
            found.append(text)
    return tuple(found)


def _lines(text: str) -> Iterator[str]:
    try:
        yield from _strings(json.loads(text))
    except (ValueError, RecursionError):
        yield from text.splitlines()


def _strings(value: Any) -> Iterator[str]:
    """List the texts in a JSON value, but no keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _is_query(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return (
        letters >= _LEAST_LETTERS
        and len(text) <= _MOST_CHARACTERS
        and not text.endswith((":", "!"))
        and not _MARKUP.search(text)
        and not _TALK.match(text)
        and not declines(text)
    )
