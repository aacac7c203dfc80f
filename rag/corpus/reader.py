"""Reader of paper collections: files, archives and folders in any of the formats, recognised by their content.

A links.jsonl beside a saved listing page supplies the arXiv id, URL, authors, venue and code of its papers. Records of
one paper are merged, keeping the metadata of all.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag.corpus.cleaned import CleanedRecord, CleanedRecords, RawRecord, clean
from rag.corpus.coercion import code_in, data_in
from rag.corpus.files import parse_json_lines, read_text
from rag.corpus.formats.bibtex import parse_bibtex
from rag.corpus.formats.json_records import parse_json, record_lines
from rag.corpus.formats.tables import is_markdown, parse_markdown, parse_table, table_delimiter
from rag.corpus.formats.tagged import MEDLINE, REFER, RIS, WOS, parse_tagged
from rag.corpus.formats.xml import parse_xml
from rag.corpus.identity import Merge, ReadPaper, Record, merge_records
from rag.corpus.listing import ListingEntry, is_listing, parse_listing
from rag.corpus.records import paper_from_record, title_key
from rag.corpus.sources import BROKEN, Source, sources_of
from rag.errors import CorpusError
from rag.types import Paper, Problem

_LINKS = "links.jsonl"
_DOCUMENTATION = frozenset(("readme", "license", "licence", "copying", "changelog"))
_FORMATS = (
    "Citedesk reads BibTeX, RIS, PubMed, EndNote, Web of Science, CSV, JSON and JSON Lines of papers, and saved listing"
    " pages"
)
_OUTLINE = re.compile(r"\A\s*(?:<\?xml|<!DOCTYPE\s+(?!html)|<[A-Za-z_][\w.:-]*[\s>])")
_HTML = re.compile(r"<!doctype html|<html[\s>]", re.IGNORECASE)
_BIBTEX = re.compile(r"^\s*@\w+\s*[{(]", re.MULTILINE)
_TAGGED = (
    (re.compile(r"^(?:FN (?:Thomson|Clarivate|ISI)|PT [A-Z]\s*$)", re.MULTILINE), WOS),
    (re.compile(r"^\s{0,3}TY\s{1,2}-", re.MULTILINE), RIS),
    (re.compile(r"^PMID-\s*\d", re.MULTILINE), MEDLINE),
    (re.compile(r"^%0 \w", re.MULTILINE), REFER),
)

_Links = Mapping[tuple[Path, str], Mapping[str, Any]]
"""Metadata of papers by folder and title key."""
_Item = RawRecord | tuple[int, str]


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What was read of a file: its records, those without an abstract, and fields dropped or changed, by name.

    `reason` says why nothing was read of it; None for a file that was read.
    """

    source: str
    format: str | None
    papers: int = 0
    without_abstract: int = 0
    coerced: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    seconds: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Corpus:
    """A collection and the items of it that could not be read; `entries` counts records before merging duplicates.

    `conflicts` are records whose id is also that of another paper, from which they were kept apart. `cleaned` is what
    was made of the records, for the next time.
    """

    read: tuple[ReadPaper, ...]
    problems: tuple[Problem, ...]
    entries: int
    files: tuple[FileSummary, ...] = ()
    merges: tuple[Merge, ...] = ()
    conflicts: tuple[Problem, ...] = ()
    cleaned: CleanedRecords = field(default_factory=dict)

    @classmethod
    def of(cls, papers: Sequence[Paper], problems: tuple[Problem, ...] = ()) -> Corpus:
        """Return a collection of papers in memory."""
        return cls(tuple(map(ReadPaper.of, papers)), problems, len(papers))

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The papers, all of them loaded."""
        return tuple(each.load() for each in self.read)

    def digests(self) -> dict[str, str]:
        """Return the digest of each paper by its id, in corpus order."""
        return {paper.paper_id: paper.digest for paper in self.read}


def read_corpus(
    paths: Sequence[Path], saved_year: int, abstracts_only: bool = False, known: CleanedRecords | None = None
) -> Corpus:
    """Read files and folders into distinct papers, in order of first appearance.

    An unreadable item becomes a Problem, and a file inside a folder of which nothing can be read a FileSummary with a
    reason. Raises CorpusError if a named path does not exist or holds no papers. With `abstracts_only`, papers without
    an abstract are left out. What is `known` of records by this version of the code is not made again.
    """
    cleaner = _Cleaner(known or {})
    records: list[Record] = []
    problems: list[Problem] = []
    summaries: list[FileSummary] = []
    files = _expanded(paths)
    links, unlinked = _read_links({path.with_name(_LINKS) for path in files})
    problems += unlinked
    for path in files:
        for source, found, unread, summary in _read_path(path, saved_year, links, cleaner):
            if summary.reason and path in paths and source == str(path):
                raise CorpusError(summary.reason)
            summaries.append(summary)
            records += found
            problems += unread
    if not records:
        first = next((summary.reason for summary in summaries if summary.reason), None) or next(iter(problems), "")
        raise CorpusError(f"{paths[0]} holds no readable paper. First problem: {first}")
    papers, merges, conflicts = merge_records(records)
    kept = tuple(paper for paper in papers if paper.has_abstract) if abstracts_only else papers
    if not kept:
        raise CorpusError(f"{paths[0]} holds no paper with an abstract. Leave out --abstracts-only.")
    reported = tuple(filter(_is_reported, summaries))
    return Corpus(kept, tuple(problems), len(records), reported, merges, tuple(conflicts), cleaner.used)


class _Cleaner:
    """Cleans records that are not known, and holds what was made of all that it was asked for."""

    def __init__(self, known: CleanedRecords) -> None:
        self._known = known
        self.used: dict[bytes, tuple[CleanedRecord, ...]] = {}

    def clean(self, record: RawRecord) -> tuple[CleanedRecord, ...]:
        key = record.key
        found = self.used.get(key) or self._known.get(key)
        self.used[key] = found = clean(record) if found is None else found
        return found


def _is_reported(summary: FileSummary) -> bool:
    """Return whether a file is named in the summary: not where it is unread and documents the folder around it."""
    return summary.reason is None or Path(summary.source).stem.casefold() not in _DOCUMENTATION


def _expanded(paths: Sequence[Path]) -> list[Path]:
    """Return the files with folders walked; raises CorpusError for a missing path or an empty folder."""
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise CorpusError(f"{path} does not exist. Name a file or folder of papers.")
        found = sorted(_walked(path)) if path.is_dir() else [path]
        if not found:
            raise CorpusError(f"{path} holds no papers. {_FORMATS}.")
        files.update(dict.fromkeys(found))
    return list(files)


def _walked(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its folders, except hidden ones and metadata of listing pages."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and path.name != _LINKS:
            yield path


def _read_path(
    path: Path, saved_year: int, links: _Links, cleaner: _Cleaner
) -> Iterator[tuple[str, list[Record], list[Problem], FileSummary]]:
    """Yield what is read of a file, or of each member of an archive."""
    try:
        for source in sources_of(path):
            yield (source.name, *_read_source(source, path, saved_year, links, cleaner))
    except CorpusError as error:
        yield str(path), [], [], FileSummary(str(path), None, reason=str(error))


def _read_source(
    source: Source, path: Path, saved_year: int, links: _Links, cleaner: _Cleaner
) -> tuple[list[Record], list[Problem], FileSummary]:
    start = time.perf_counter()
    records: list[Record] = []
    problems: list[Problem] = []
    coerced: list[str] = []
    unknown: list[str] = []
    name: str | None = None
    reason: str | None = None
    try:
        name, items = _recognised(source)
        if name == "listing page":
            entries, unread = parse_listing(source.text(), source.name, saved_year)
            records += [Record(source.name, each.line, ReadPaper.of(_paper(each, path, links))) for each in entries]
            problems += unread
        for item in items:
            if isinstance(item, tuple):
                problems.append(Problem(source.name, *item))
                continue
            for each in cleaner.clean(item):
                coerced += each.coerced
                unknown += each.unknown
                if each.paper:
                    records.append(Record(source.name, item.line, each.paper))
                else:
                    problems.append(Problem(source.name, item.line, each.reason))
    except CorpusError as error:
        reason = str(error)
    except BROKEN as error:
        reason = f"{source.name} cannot be read: {getattr(error, 'strerror', None) or error}."
    except ValueError as error:
        problems.append(Problem(source.name, None, str(error)))
    if not records and reason is None:
        detail = f" First problem: {problems[0]}." if problems else ""
        reason = f"{source.name} holds no readable paper.{detail} {_FORMATS}."
    if records and reason:
        problems.append(Problem(source.name, None, reason))
        reason = None
    without = sum(not record.paper.has_abstract for record in records)
    seconds = time.perf_counter() - start
    changed, names = dict(sorted(Counter(coerced).items())), tuple(dict.fromkeys(unknown))
    summary = FileSummary(source.name, name, len(records), without, changed, names, seconds, reason)
    return records, [] if reason else problems, summary


def _recognised(source: Source) -> tuple[str, Iterable[_Item]]:
    """Return the format of a file and its records; raises CorpusError for a text in none of the formats."""
    head = source.head
    if not head.strip():
        raise CorpusError(f"{source.name} is empty. {_FORMATS}.")
    if _HTML.search(head[:2000]):
        raise CorpusError(f"{source.name} is a web page. Export the list from it as BibTeX, RIS or CSV.")
    if _OUTLINE.match(head):
        return "XML", parse_xml(source.open_bytes)
    if head.lstrip()[0] in "[{":
        return _json(source, head)
    if is_listing(head):
        return "listing page", ()
    for pattern, dialect in _TAGGED:
        if pattern.search(head):
            return dialect.name, parse_tagged(source.lines(), dialect)
    if is_markdown(head):
        return "Markdown", parse_markdown(source.lines())
    delimiter = table_delimiter(head)
    if delimiter is None and _BIBTEX.search(head):
        return "BibTeX", parse_bibtex(source.text())
    if delimiter:
        return "TSV" if delimiter == "\t" else "CSV", parse_table(source.lines(), delimiter)
    raise CorpusError(f"{source.name} is in no format that is read. {_FORMATS}.")


def _json(source: Source, head: str) -> tuple[str, Iterable[_Item]]:
    """Return the records of JSON Lines, line by line, or of one JSON text."""
    lines = [line for line in head.split("\n") if line.strip()]
    first = next(iter(parse_json_lines(lines[0])), None)
    if head.lstrip()[0] == "{" and first and not isinstance(first[1], ValueError):
        return "JSON Lines", record_lines(source.lines())
    text = source.text()
    try:
        return "JSON", list(parse_json(text))
    except ValueError:
        return "JSON Lines", record_lines(text.split("\n"))


def _read_links(paths: Iterable[Path]) -> tuple[_Links, list[Problem]]:
    """Read the metadata files that exist."""
    links: dict[tuple[Path, str], Mapping[str, Any]] = {}
    problems = []
    for path in sorted(path for path in paths if path.exists()):
        try:
            text = read_text(path)
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
    paper = paper_from_record({**link, **known, "title": entry.title, "abstract": entry.abstract})
    return replace(paper, code=paper.code or code_in(paper.abstract), data=paper.data or data_in(paper.abstract))
