"""A history as programs write it, read into Turns: JSON Lines, or one JSON list (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rag.corpus.files import parse_json_lines
from rag.types import Turn

_FORM = 'an earlier turn has a "question", an "answer" and "citations" (paper_ids, or what `ask --json` printed)'


def read_turns(text: str) -> Iterator[tuple[int, Turn | ValueError]]:
    """Yield (number, turn), oldest first; a ValueError stands for what is no turn.

    The number is that of the line, or of the turn where all of the text is one JSON list.
    """
    listed = _as_list(text)
    for number, record in parse_json_lines(text) if listed is None else enumerate(listed, start=1):
        try:
            if isinstance(record, ValueError):
                raise record
            yield number, turn_from_json(record)
        except ValueError as error:
            yield number, error


def turns_from_json(value: object) -> tuple[Turn, ...]:
    """Read a list of turns; raises ValueError, which says what is wrong and in which one."""
    if not isinstance(value, list):
        raise ValueError(f'"history" is not a list of earlier turns: {_FORM}')
    turns = []
    for number, record in enumerate(value, start=1):
        try:
            turns.append(turn_from_json(record))
        except ValueError as error:
            raise ValueError(f'turn {number} of "history": {error}') from None
    return tuple(turns)


def turn_from_json(record: object) -> Turn:
    """Read one turn; raises ValueError where it is none. An object that `citedesk ask --json` printed is one."""
    if not isinstance(record, Mapping) or not isinstance(record.get("question"), str):
        raise ValueError(f"no question: {_FORM}")
    answer, citations = record.get("answer", ""), record.get("citations", [])
    if not isinstance(answer, str) or not isinstance(citations, list):
        raise ValueError(f"the answer is no text, or the citations are no list: {_FORM}")
    return Turn(record["question"], answer, tuple(map(_paper_id, citations)))


def _paper_id(citation: object) -> str:
    paper_id: Any = citation.get("paper_id") if isinstance(citation, Mapping) else citation
    if not isinstance(paper_id, str):
        raise ValueError(f"a citation names no paper: {_FORM}")
    return paper_id


def _as_list(text: str) -> list[Any] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None
