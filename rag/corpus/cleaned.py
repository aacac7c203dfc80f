"""What cleaning makes of the records of files, by a key of what the file has, so that none is cleaned a second time.

Cleaning takes ten times as long as finding the records in a file. An index keeps what it made of them, and of a paper
that it has kept, every update looks only at its id, its digest, and the marks by which its other records are found.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from rag.corpus.coercion import Tally, paper_of
from rag.corpus.identity import ReadPaper
from rag.corpus.vocabulary import Entry

_CODE = ("corpus", "text")  # folders of what reads and cleans
_LIBRARIES = ("bibtexparser", "pylatexenc", "rapidfuzz")


class RawRecord(Protocol):
    """What a file has at a line: records of equal keys are equal. A string says why there is none."""

    @property
    def line(self) -> int:
        """The line in the file."""

    @property
    def key(self) -> bytes:
        """The hash of all but the line."""

    def entries(self) -> Iterable[Entry | str]:
        """Return the entries at the line."""


@dataclass(frozen=True, slots=True, eq=False)
class CleanedRecord:
    """A record's paper, or the reason why it is none; the fields that were dropped or changed, and the unknown ones."""

    paper: ReadPaper | None
    reason: str
    coerced: tuple[str, ...]
    unknown: tuple[str, ...]


CleanedRecords = Mapping[bytes, tuple[CleanedRecord, ...]]
"""What is known of records, by their keys; a line of JSON may hold several."""


def clean(record: RawRecord) -> tuple[CleanedRecord, ...]:
    """Return what is made of a record."""
    return tuple(_cleaned(each) if isinstance(each, Entry) else _failed(each) for each in record.entries())


def _cleaned(entry: Entry) -> CleanedRecord:
    tally = Tally()
    paper, reason = None, ""
    try:
        paper = ReadPaper.of(paper_of(entry, tally))
    except ValueError as error:
        reason = str(error)
    return CleanedRecord(paper, reason, tuple(tally.coerced.elements()), tuple(tally.unknown))


def _failed(reason: str) -> CleanedRecord:
    return CleanedRecord(None, reason, (), ())


@cache
def reading_version() -> str:
    """Return the hash of the code that reads and cleans: what another version has made of a record is not used."""
    folder = Path(__file__).parents[1]
    files = [folder / "types.py", *(path for name in _CODE for path in sorted((folder / name).rglob("*.py")))]
    found = hashlib.sha256(repr([sys.version, *map(version, _LIBRARIES)]).encode())
    for path in files:
        found.update(path.read_bytes())
    return found.hexdigest()
