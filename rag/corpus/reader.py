"""Files → the papers of a collection: saved listing pages, and JSON Lines of papers.

A folder stands for its *.txt pages and *.jsonl files. A links.jsonl beside a page gives its papers their arXiv id,
link, authors, venue and code. Copies of one paper are merged: what any copy knows is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag.corpus.files import parse_json_lines, read_text
from rag.corpus.listing import ListingEntry, is_listing, parse_listing
from rag.corpus.records import paper_from_record, title_key, title_slug
from rag.errors import CorpusError
from rag.types import Paper, Problem

_LINKS = "links.jsonl"
_SUFFIXES = (".txt", ".jsonl")
_FORMATS = "Citedesk reads saved listing pages (.txt) and JSON Lines of papers (.jsonl)"


_Read = tuple[list[tuple[str, int, Paper]], list[Problem]]
_Links = Mapping[tuple[Path, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """A collection as it was read: `entries` counts the items before copies were merged."""

    papers: tuple[Paper, ...]
    problems: tuple[Problem, ...]
    entries: int


def read_corpus(paths: Sequence[Path], saved_year: int) -> Corpus:
    """Read files and folders into distinct papers, in the order of first appearance.

    An item that cannot be read becomes a Problem, and so does a file of a folder that is no corpus. Raises CorpusError
    where a path that was named is not what it should be, or holds nothing to read.
    """
    read: list[tuple[str, int, Paper]] = []
    problems: list[Problem] = []
    files = _files(paths)
    links, unlinked = _read_links({path.with_name(_LINKS) for path in files if path.suffix.lower() == ".txt"})
    problems += unlinked
    for path in files:
        try:
            papers, unread = _read_file(path, saved_year, links)
        except CorpusError as error:
            if path in paths:
                raise
            problems.append(Problem(str(path), None, str(error)))
            continue
        read += papers
        problems += unread
    if not read:
        raise CorpusError(f"{paths[0]} holds no paper that can be read. First problem: {problems[0]}")
    papers_merged, conflicts = _merge(read)
    return Corpus(papers_merged, (*problems, *conflicts), len(read))


def _files(paths: Sequence[Path]) -> list[Path]:
    """Expand folders, and check that each file that was named is of a kind that is read."""
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


def _read_file(path: Path, saved_year: int, links: _Links) -> _Read:
    """Read one file; raises CorpusError where none of it can be read as papers."""
    if path.suffix.lower() not in _SUFFIXES:
        raise CorpusError(f"{path} has an unsupported type. {_FORMATS}.")
    papers, unread = _read_page(path, saved_year, links) if path.suffix.lower() == ".txt" else _read_records(path)
    if not papers:
        detail = f" First problem: {unread[0]}." if unread else ""
        raise CorpusError(f"{path} holds no paper that can be read.{detail} {_FORMATS}.")
    return papers, unread


def _read_text(path: Path) -> str:
    text = read_text(path)
    if not text.strip():
        raise CorpusError(f"{path} is empty. {_FORMATS}.")
    return text


def _read_page(path: Path, saved_year: int, links: _Links) -> _Read:
    text = _read_text(path)
    if not is_listing(text):
        raise CorpusError(f"{path} is not a saved listing page: none of such a page's own lines is in it. {_FORMATS}.")
    entries, problems = parse_listing(text, str(path), saved_year)
    papers = [(str(path), entry.line, _paper(entry, path, links)) for entry in entries]
    return papers, list(problems)


def _read_records(path: Path) -> _Read:
    papers: list[tuple[str, int, Paper]] = []
    problems: list[Problem] = []
    for line, record in parse_json_lines(_read_text(path)):
        try:
            if isinstance(record, ValueError):
                raise record
            papers.append((str(path), line, paper_from_record(record)))
        except ValueError as error:
            problems.append(Problem(str(path), line, str(error)))
    return papers, problems


def _read_links(paths: Iterable[Path]) -> tuple[_Links, list[Problem]]:
    """Read (folder, title key) → what is known of that paper; a file that is not there knows nothing."""
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


def _merge(read: Iterable[tuple[str, int, Paper]]) -> tuple[tuple[Paper, ...], list[Problem]]:
    """Join the copies of each paper, and report an id that two different titles claim."""
    merged: dict[str, Paper] = {}
    problems = []
    ids = {title_slug(paper.title): paper.paper_id for _, _, paper in read if paper.paper_id != title_slug(paper.title)}
    for source, line, copy in read:
        # A copy that knows no id of its own is the paper of that title that has one.
        paper = replace(copy, paper_id=ids.get(copy.paper_id, copy.paper_id))
        known = merged.get(paper.paper_id)
        if known is None:
            merged[paper.paper_id] = paper
        elif title_slug(known.title) == title_slug(paper.title):
            merged[paper.paper_id] = _join(known, paper)
        else:
            reason = f"paper_id {paper.paper_id} already belongs to “{known.title}”; left out: “{paper.title}”"
            problems.append(Problem(source, line, reason))
    return tuple(merged.values()), problems


def _join(first: Paper, second: Paper) -> Paper:
    """Keep what either copy knows: the more precise date, the longer texts and lists, the larger comment count."""

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
