"""Files of JSON Lines that people write for the evaluation: a bad line is an error that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rag.corpus.files import parse_json_lines, read_text
from rag.errors import CorpusError

Parsed = TypeVar("Parsed")


def read_lines(path: Path, remedy: str, parse: Callable[[dict[str, Any]], Parsed]) -> list[Parsed]:
    """Parse the object of each line, where `parse` raises ValueError for a bad one; raises CorpusError.

    `remedy` says which file to name where there is none.
    """
    parsed = []
    for line, record in parse_json_lines(read_text(path, remedy)):
        try:
            if isinstance(record, ValueError):
                raise record
            parsed.append(parse(record))
        except ValueError as error:
            raise CorpusError(f"{path} line {line}: {error}. Correct the line.") from None
    return parsed


def text_of(record: dict[str, Any], name: str) -> str:
    """Return a field that must be a text with something in it; raises ValueError."""
    value = record.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'no "{name}" that is a string')
    return value
