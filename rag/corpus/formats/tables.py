"""Tables with headings: CSV, TSV and Markdown, of Scopus, IEEE, Springer, Web of Science, PubMed, ASReview and more."""

from __future__ import annotations

import csv
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Sequence

from rag.corpus.formats.tagged import WOS, entry_from_tags
from rag.corpus.names import literal, split_glued
from rag.corpus.vocabulary import Entry, entry_from_named, field_named, plain_name

_DELIMITERS = ",;\t|"
_LINES_ABOVE = 5  # that a program may write above the headings
_MARKDOWN_LINK = re.compile(r"\[([^\]]*)\]\(([^()\s]+)\)")
_RULE = re.compile(r"\|?(?:\s*:?-{2,}:?\s*\|)+\s*(?::?-{2,}:?)?\s*\|?\s*")
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_LINKED = frozenset(("url", "code", "data", "arxiv_id"))

csv.field_size_limit(min(sys.maxsize, (1 << 31) - 1))


def table_delimiter(head: str) -> str | None:
    """Return the character that parts the headings of a table with titles; None for a text that is no such table."""
    lines = [line for line in head.split("\n") if line.strip()]
    first = lines[0].removeprefix("\ufeff") if lines else ""
    if first.casefold().startswith("sep=") and len(lines) > 1:
        return first[4:5]
    for line in (first, *lines[1:_LINES_ABOVE]):
        best = max(_DELIMITERS, key=lambda delimiter: len(_fields(line, delimiter)))
        known = _fields(line, best)
        if "title" in known and (len(known) > 1 or first.strip().casefold() == "title"):
            return best
    return None


def parse_table(lines: Iterable[str], delimiter: str) -> Iterator[Entry]:
    """Yield an entry for each row below the headings; lines above them are passed over."""
    reader = csv.reader((line.replace("\x00", "") for line in lines), delimiter=delimiter)
    headings: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if not any(cell.strip() for cell in row):
            continue
        if not headings:
            named = [heading.strip().removeprefix("\ufeff").strip('"') for heading in row]
            headings = named if "title" in map(field_named, named) else []
            continue
        yield _entry(line, headings, row)


def _entry(line: int, headings: Sequence[str], row: Sequence[str]) -> Entry:
    cells = [(heading, cell.strip()) for heading, cell in zip(headings, row, strict=False) if heading]
    if headings[0] == "PT" and "TI" in headings:
        return entry_from_tags(line, cells, WOS)
    if "itemtitle" in map(plain_name, headings):  # of Springer
        cells = [(name, "; ".join(split_glued(cell)) if name == "Authors" else cell) for name, cell in cells]
    return entry_from_named(line, (part for cell in cells for part in _parts(*cell)))


def _parts(heading: str, cell: str) -> Iterator[tuple[str, str]]:
    """Yield a cell, or the parts of an object that it writes out: "{'DOI': '10.1000/w.1'}" in "externalIds"."""
    value = literal(cell) if cell.startswith("{") else None
    if isinstance(value, dict) and field_named(heading) is None:
        yield from ((f"{heading}.{name}", str(each)) for name, each in value.items())
    else:
        yield heading, cell


def is_markdown(head: str) -> bool:
    """Return whether a text has a Markdown table with a heading for titles."""
    lines = head.split("\n")
    return any(_RULE.fullmatch(rule) and "title" in _headings(line) for line, rule in itertools.pairwise(lines))


def parse_markdown(lines: Iterable[str]) -> Iterator[Entry]:
    """Yield an entry for each row of the tables that have titles; a bar within a title does not part it."""
    headings: list[str] = []
    before = ""
    for number, line in enumerate(map(str.strip, lines), start=1):
        if _RULE.fullmatch(line):
            headings = _cells(before)
        elif not line.startswith("|"):
            headings = []
        elif headings and "title" in map(field_named, headings):
            cells = _cells(line)
            at = [field_named(heading) for heading in headings].index("title")
            while len(cells) > len(headings):
                cells[at : at + 2] = [f"{cells[at]} | {cells[at + 1]}"]
            named = zip(headings, cells, strict=False)
            yield entry_from_named(number, ((name, _cell(field_named(name), cell)) for name, cell in named))
        before = line


def _headings(line: str) -> list[str | None]:
    return [field_named(cell) for cell in _cells(line)]


def _cells(line: str) -> list[str]:
    text = line.strip()
    return [cell.strip().replace("\\|", "|") for cell in _CELL_BORDER.split(text.removeprefix("|").removesuffix("|"))]


def _cell(field: str | None, cell: str) -> str:
    text = cell.replace("**", "").strip()
    part = 2 if field in _LINKED else 1
    return _MARKDOWN_LINK.sub(lambda match: match[part], text)


def _fields(line: str, delimiter: str) -> set[str]:
    """Return the fields that the headings of a line stand for."""
    try:
        row = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return set()
    return {name for name in map(field_named, row) if name}
