"""JSON of papers: arrays, objects that hold them, and JSON Lines, whatever program wrote the records.

CSL-JSON, Semantic Scholar, OpenAlex, Crossref, arXiv's snapshot, Hugging Face's daily papers, paperlists and our own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rag.corpus.formats.bibtex import parse_bibtex
from rag.corpus.vocabulary import Entry, entry_from_named, field_named

_DEEPEST = 8
_WHOLE = frozenset(("authors", "first_author", "editor", "date", "abstract_index", "urls", "bibliography"))
_FROM_BIBTEX = frozenset(("key", "year", "month", "venue", "doi", "authors"))
_OWN_OR_SERIAL = frozenset(("urls", "bibliography", "paperId"))  # the last is Semantic Scholar's own hash


def parse_json(text: str) -> Iterator[Entry]:
    """Yield the records in a JSON text; raises ValueError if it is not JSON."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    for number, record in enumerate(_records(value), start=1):
        yield entry_from_record(number, record)


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A line of JSON Lines, which is not parsed where it is known what it holds."""

    line: int
    text: str

    @property
    def key(self) -> bytes:
        """The hash of the text."""
        return hashlib.sha256(self.text.encode(errors="surrogatepass")).digest()

    def entries(self) -> Iterator[Entry | str]:
        """Yield the records in the line, or the reason why there is none."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError) as error:
            yield f"not JSON ({getattr(error, 'msg', error)})"
            return
        records = list(_records(value))
        if not records:
            yield "no title" if isinstance(value, dict) else "not a JSON object"
        for record in records:
            yield entry_from_record(self.line, record)


def record_lines(lines: Iterable[str]) -> Iterator[RecordLine]:
    """Yield the lines of JSON Lines that are not blank."""
    for number, line in enumerate(lines, start=1):
        line = line.strip().removeprefix("\ufeff").rstrip(",")
        if line and line not in "[]":
            yield RecordLine(number, line)


def entry_from_record(line: int, record: Mapping[str, Any]) -> Entry:
    """Return the entry of one record."""
    if isinstance(inner := record.get("paper"), dict) and "title" in inner:
        record = {**{name: value for name, value in record.items() if name != "paper"}, **inner}
    entry = entry_from_named(line, (each for each in _flat(record) if each[0] not in _OWN_OR_SERIAL))
    if isinstance(record.get("bibliography"), dict):
        entry.add("fields", *record["bibliography"].items())
    entry.add("urls", record.get("urls"))
    for text in entry.fields.pop("bibtex", []):
        _add_bibtex(entry, text)
    return entry


def _add_bibtex(entry: Entry, text: Any) -> None:
    """Add what only the BibTeX entry within a record says, as of its year."""
    blocks = parse_bibtex(text) if isinstance(text, str) else ()
    for inner in (block for block in blocks if isinstance(block, Entry)):
        for name in _FROM_BIBTEX - entry.fields.keys():
            entry.add(name, *inner.fields.get(name, ()))


def _records(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that have a title, or an abstract and an id; their own parts are not searched."""
    if isinstance(value, dict):
        if value.get("itemType") in ("annotation", "attachment", "note"):  # of Zotero
            return
        if any(field_named(name) == "title" and each not in (None, "", []) for name, each in value.items()) or (
            isinstance(value.get("abstract"), str) and depth <= 1
        ):
            yield value
            return
        value = list(value.values())
    if isinstance(value, list) and depth < _DEEPEST:
        for each in value:
            if isinstance(each, dict | list):
                yield from _records(each, depth + 1)


def _flat(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the fields with their values; those of an object within the record under both names."""
    for name, value in record.items():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            if set(value) & {"value"} and len(value) <= 2:  # OpenReview's fields
                yield name, value["value"]
            elif field_named(path) in _WHOLE:
                yield path, value
            elif depth < 3:
                yield from _flat(value, "" if name in ("content", "data") else path, depth + 1)
        elif name == "versions" and isinstance(value, list) and value and isinstance(value[0], dict):
            yield "versions.created", value[0].get("created")
        elif isinstance(value, list) and value and isinstance(value[0], dict) and field_named(path) is None:
            known = [each for each in _flat(value[0], path, depth + 1) if field_named(each[0])] if depth < 3 else []
            yield from known or [(path, value)]
        else:
            yield path, value
