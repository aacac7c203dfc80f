"""BibTeX and BibLaTeX, parsed by bibtexparser; braces and LaTeX are removed from the fields that are used."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from rag.corpus.cleaning import clean_text, without_braces
from rag.corpus.names import split_bibtex_names
from rag.corpus.vocabulary import Entry, field_named

_USED = frozenset("title subtitle abstract date year month day doi pmid url code data".split())
_DEEPEST = 5  # of abbreviations within abbreviations
_LAST_VENUES = "eventtitle venue"  # taken where there is no other: the second is BibLaTeX's place of a conference
_INHERITED = {"title": "booktitle"}

logging.getLogger("bibtexparser").setLevel(logging.ERROR)  # a block that cannot be parsed is reported by its line


def parse_bibtex(text: str) -> Iterator[Entry | tuple[int, str]]:
    """Yield the entries, and (line, reason) for a block that cannot be parsed."""
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.model import Entry as Block
    from bibtexparser.model import ParsingFailedBlock

    library = parse_string(text, parse_stack=[])
    strings = {each.key.casefold(): str(each.value) for each in library.strings}
    blocks: list[Block] = []
    for block in library.blocks:
        if isinstance(block, Block):
            blocks.append(block)
        elif isinstance(block, ParsingFailedBlock):
            inner = block.ignore_error_block  # of a key or a field that is there twice
            if isinstance(inner, Block):
                blocks.append(inner)
            elif not str(block.raw or "").lstrip().casefold().startswith(("@comment", "@string", "@preamble")):
                yield (block.start_line or 0) + 1, "a BibTeX entry that is not closed or lacks a comma"
    values = [_values(each, strings) for each in blocks]
    parents = {str(block.key).casefold(): known for block, known in zip(blocks, values, strict=True)}
    for block, known in zip(blocks, values, strict=True):
        parent = parents.get(known["crossref"].casefold(), {}) if "crossref" in known else {}
        known = {**{_INHERITED.get(name, name): value for name, value in parent.items()}, **known}
        yield _entry(block, known)


def _values(block: Any, strings: Mapping[str, str]) -> dict[str, str]:
    """Return an entry's fields by name; of a field that is given twice, the first."""
    known: dict[str, str] = {}
    for field in block.fields:
        if value := _value(str(field.value), strings).strip():
            known.setdefault(field.key.casefold(), value)
    return known


def _entry(block: Any, known: Mapping[str, str]) -> Entry:
    entry = Entry((block.start_line or 0) + 1)
    entry.add("key", str(block.key or "").strip())
    entry.add("bibtex_type", str(block.entry_type).casefold())
    is_arxiv = "arxiv" in (known.get("archiveprefix") or known.get("eprinttype") or "arxiv").casefold()
    venue = min((name for name in known if field_named(name) == "venue"), key=_LAST_VENUES.find, default=None)
    kept = []
    for name, value in known.items():
        field = field_named(name)
        if name == "author":
            entry.add("authors", split_bibtex_names(value))
        elif field in ("url", "doi"):
            entry.add(field, without_braces(value.replace(r"\url", "")).replace("\u00a0", "~"))
        elif field in _USED or (name == "eprint" and is_arxiv) or name == venue:
            entry.add(field or "", without_braces(value))
        elif name not in ("archiveprefix", "eprinttype") or not is_arxiv:
            kept.append((name, clean_text(without_braces(value))))
    entry.add("fields", *kept)
    return entry


def _value(text: str, strings: Mapping[str, str], depth: int = 0) -> str:
    """Return a field's value: parts in braces, in quotes, numbers and abbreviations, joined by "#"."""
    joined = []
    for part in _parts(text.strip()) if "#" in text else (text.strip(),):
        if part[:1] + part[-1:] in ("{}", '""') and len(part) > 1:
            joined.append(part[1:-1])
        elif part.casefold() in strings and depth < _DEEPEST:
            joined.append(_value(strings[part.casefold()], strings, depth + 1))
        else:
            joined.append(part)
    return "".join(joined)


def _parts(text: str) -> Iterator[str]:
    """Split a value at "#" outside of braces and quotes."""
    start = depth = 0
    quoted = False
    for i, character in enumerate(text):
        if character in "{}":
            depth += 1 if character == "{" else -1
        elif depth == 0 and character == '"':
            quoted = not quoted
        elif depth == 0 and not quoted and character == "#":
            yield text[start:i].strip()
            start = i + 1
    yield text[start:].strip()
