"""Reader of paper collections: saved listing pages and JSON Lines.

A folder stands for its *.txt pages and *.jsonl files. A links.jsonl beside a page supplies the arXiv id, URL, authors,
venue and code of its papers. Duplicate records of a paper are merged, keeping the metadata of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from rag.corpus.files import parse_json_lines, read_text
from rag.corpus.listing import ListingEntry, is_listing, parse_listing
from rag.corpus.records import paper_from_record, title_key, title_slug
from rag.errors import CorpusError
from rag.types import Paper, Problem

_LINKS = "links.jsonl"
_SUFFIXES = (".txt", ".jsonl")
_FORMATS = "Citedesk reads saved listing pages (.txt) and JSON Lines of papers (.jsonl)"

_Links = Mapping[tuple[Path, str], Mapping[str, Any]]
"""Metadata of papers by folder and title key."""


class _Record(NamedTuple):
    """A paper and where it was read."""

    source: str
    line: int
    paper: Paper


@dataclass(frozen=True, slots=True)
class Corpus:
    """A collection and the items of it that could not be read; `entries` counts records before merging duplicates."""

    papers: tuple[Paper, ...]
    problems: tuple[Problem, ...]
    entries: int


def read_corpus(paths: Sequence[Path], saved_year: int) -> Corpus:
    """Read files and folders into distinct papers, in order of first appearance.

    An unreadable item, or file inside a folder, becomes a Problem. Raises CorpusError if a named path does not exist,
    has another format, or holds no papers.
    """
    records: list[_Record] = []
    problems: list[Problem] = []
    files = _expanded(paths)
    links, unlinked = _read_links({path.with_name(_LINKS) for path in files if path.suffix.lower() == ".txt"})
    problems += unlinked
    for path in files:
        try:
            read, unread = _read_file(path, saved_year, links)
        except CorpusError as error:
            if path in paths:
                raise
            problems.append(Problem(str(path), None, str(error)))
            continue
        records += read
        problems += unread
    if not records:
        raise CorpusError(f"{paths[0]} holds no readable paper. First problem: {problems[0]}")
    papers, conflicts = _merge(records)
    return Corpus(papers, (*problems, *conflicts), len(records))


def _expanded(paths: Sequence[Path]) -> list[Path]:
    """Return the files with folders expanded; raises CorpusError for a missing path or a folder without papers."""
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise CorpusError(f"{path} does not exist. Name a file or folder of papers.")
        found = [path]
        if path.is_dir():
            inside = (file for file in path.iterdir() if not file.is_dir() and file.name != _LINKS)
            found = sorted(file for file in inside if file.suffix.lower() in _SUFFIXES)
        if not found:
            raise CorpusError(f"{path} holds no papers. {_FORMATS}.")
        files.update(dict.fromkeys(found))
    return list(files)


def _read_file(path: Path, saved_year: int, links: _Links) -> tuple[list[_Record], list[Problem]]:
    """Read one file; raises CorpusError if it holds no readable paper."""
    if path.suffix.lower() not in _SUFFIXES:
        raise CorpusError(f"{path} has an unsupported type. {_FORMATS}.")
    read, unread = _read_page(path, saved_year, links) if path.suffix.lower() == ".txt" else _read_records(path)
    if not read:
        detail = f" First problem: {unread[0]}." if unread else ""
        raise CorpusError(f"{path} holds no readable paper.{detail} {_FORMATS}.")
    return read, unread


def _read_text(path: Path) -> str:
    text = read_text(path)
    if not text.strip():
        raise CorpusError(f"{path} is empty. {_FORMATS}.")
    return text


def _read_page(path: Path, saved_year: int, links: _Links) -> tuple[list[_Record], list[Problem]]:
    text = _read_text(path)
    if not is_listing(text):
        raise CorpusError(f"{path} is not a saved listing page: it has none of the lines of such a page. {_FORMATS}.")
    entries, problems = parse_listing(text, str(path), saved_year)
    return [_Record(str(path), entry.line, _paper(entry, path, links)) for entry in entries], list(problems)


def _read_records(path: Path) -> tuple[list[_Record], list[Problem]]:
    records: list[_Record] = []
    problems: list[Problem] = []
    for line, record in parse_json_lines(_read_text(path)):
        try:
            if isinstance(record, ValueError):
                raise record
            records.append(_Record(str(path), line, paper_from_record(record)))
        except ValueError as error:
            problems.append(Problem(str(path), line, str(error)))
    return records, problems


def _read_links(paths: Iterable[Path]) -> tuple[_Links, list[Problem]]:
    """Read the metadata files that exist."""
    links: dict[tuple[Path, str], Mapping[str, Any]] = {}
    problems = []
    for path in sorted(path for path in paths if path.exists()):
        try:
            text = _read_text(path)
        except CorpusError as error:
            problems.append(Problem(str(path), None, str(error)))
            continue
        for line, record in parse_json_lines(text):
            try:
                if isinstance(record, ValueError):
                    raise record
                paper_from_record({**record, "abstract": "checked with the paper's own"})
                links[path.parent, title_key(record["title"])] = record
            except ValueError as error:
                problems.append(Problem(str(path), line, str(error)))
    return links, problems


def _paper(entry: ListingEntry, page: Path, links: _Links) -> Paper:
    link = links.get((page.parent, title_key(entry.title)), {})
    known = {
        "date": entry.date,
        "author_count": entry.author_count,
        "organisation": entry.organisation,
        "comments": entry.comments,
        "pages": [page.stem],
    }
    known = {name: value for name, value in known.items() if value is not None}
    return paper_from_record({**link, **known, "title": entry.title, "abstract": entry.abstract})


def _merge(records: Sequence[_Record]) -> tuple[tuple[Paper, ...], list[Problem]]:
    """Merge the records of each paper; report an id that two different titles claim."""
    merged: dict[str, Paper] = {}
    problems = []
    slugs = ((title_slug(record.paper.title), record.paper.paper_id) for record in records)
    ids = {slug: paper_id for slug, paper_id in slugs if paper_id != slug}
    for source, line, record in records:
        # A record without an id of its own belongs to the paper of that title that has one.
        paper = replace(record, paper_id=ids.get(record.paper_id, record.paper_id))
        first = merged.get(paper.paper_id)
        if first is None:
            merged[paper.paper_id] = paper
        elif title_slug(first.title) == title_slug(paper.title):
            merged[paper.paper_id] = _merge_two(first, paper)
        else:
            reason = f"paper_id {paper.paper_id} already belongs to “{first.title}”; left out: “{paper.title}”"
            problems.append(Problem(source, line, reason))
    return tuple(merged.values()), problems


def _merge_two(first: Paper, second: Paper) -> Paper:
    """Merge two records of a paper: the more precise date, the longer texts and lists, the higher comment count."""

    def longer(name: str) -> Any:
        return max((getattr(first, name) or "", getattr(second, name) or ""), key=len) or None

    authors_of = max(first, second, key=lambda paper: (paper.authors_complete, len(paper.authors)))
    return replace(
        first,
        abstract=longer("abstract"),
        date=longer("date"),
        url=first.url or second.url,
        authors=authors_of.authors,
        authors_complete=authors_of.authors_complete,
        author_count=first.author_count or second.author_count,
        organisation=first.organisation or second.organisation,
        venue=first.venue or second.venue,
        code=first.code or second.code,
        comments=max((n for n in (first.comments, second.comments) if n is not None), default=None),
        pages=tuple(dict.fromkeys((*first.pages, *second.pages))),
    )
