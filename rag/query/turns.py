"""Parse a history, in JSON Lines or as one JSON list, into Turns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rag.corpus.files import parse_json_lines
from rag.types import Turn

_FORM = 'a turn has a "question", an "answer" and "citations" (a list of paper_ids, or that of `ask --json`)'


def read_turns(text: str) -> Iterator[tuple[int, Turn | ValueError]]:
    """Yield (number, turn) in the order of the text; an invalid turn is yielded as a ValueError.

    The number, from 1, is that of the line, or of the turn if the text is one JSON list.
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
    """Parse a list of turns; raises ValueError with the number of the first invalid turn."""
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
    """Parse a turn, or an object that `citedesk ask --json` printed; raises ValueError if it is invalid."""
    if not isinstance(record, Mapping) or not isinstance(record.get("question"), str):
        raise ValueError(f'"question" is missing or not a string: {_FORM}')
    answer, citations = record.get("answer", ""), record.get("citations", [])
    if not isinstance(answer, str) or not isinstance(citations, list):
        raise ValueError(f'"answer" is not a string, or "citations" is not a list: {_FORM}')
    return Turn(record["question"], answer, tuple(map(_paper_id, citations)))


def _paper_id(citation: object) -> str:
    paper_id: Any = citation.get("paper_id") if isinstance(citation, Mapping) else citation
    if not isinstance(paper_id, str):
        raise ValueError(f"a citation has no paper_id: {_FORM}")
    return paper_id


def _as_list(text: str) -> list[Any] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None
