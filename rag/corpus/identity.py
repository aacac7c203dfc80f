"""Which records are of one paper: by DOI, arXiv id or PMID, else by title with authors, abstract or year.

A title alone decides nothing: two editorials are two papers. Nor does an id alone where the titles and the authors are
others: it is then a mistake, and both records stay.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from typing import Any, NamedTuple

from rag.corpus.ids import arxiv_id_in, arxiv_id_of
from rag.corpus.records import paper_digest, title_key, title_slug
from rag.text.names import name_words
from rag.types import Paper, Problem

# Registrants of preprint servers: arXiv, bioRxiv and medRxiv, Research Square, OSF, ChemRxiv, Preprints.org, SSRN,
# TechRxiv, Authorea, EarthArXiv, Zenodo.
_PREPRINTS = (
    "10.48550", "10.1101", "10.21203", "10.31219", "10.31234", "10.31235", "10.26434", "10.20944", "10.2139",
    "10.36227", "10.22541", "10.31223", "10.5281",
)  # fmt: skip
_YEARS_APART = 3  # between a preprint and its publication, at most
_SPECIFIC_WORDS = 4  # of a title that together with a year stands for one paper
_SIMILAR = 85.0  # of 100: titles of one id that are one paper's


_MAX_COMPARED = 200  # records that share a key, such as the title "Editorial", the latest first
_Holders = dict[tuple[str, str], dict[int, None]]
"""The groups of records that have a key, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadPaper:
    """A paper as it was read, which `load` returns.

    It shares one of its `marks` at least, its ids and its title, with all records that can be of the same paper.
    """

    paper_id: str
    digest: str
    marks: tuple[str, ...]
    has_abstract: bool
    load: Callable[[], Paper]

    @classmethod
    def of(cls, paper: Paper) -> ReadPaper:
        """Return a paper that is in memory."""
        ids = (value for _, value in _ids(paper))
        marks = tuple(dict.fromkeys((_title(paper), paper.paper_id, *ids)))
        return cls(paper.paper_id, paper_digest(paper), marks, bool(paper.abstract), lambda: paper)


class Record(NamedTuple):
    """A paper as one record has it, and where it was read."""

    source: str
    line: int
    paper: ReadPaper

    @property
    def place(self) -> str:
        """The file and line."""
        return f"{self.source} line {self.line}"


@dataclass(frozen=True, slots=True)
class Merge:
    """A record that was merged into a paper: where both were read, and why they are one."""

    paper_id: str
    first: str
    joined: str
    reason: str


def merge_records(records: Sequence[Record]) -> tuple[tuple[ReadPaper, ...], tuple[Merge, ...], list[Problem]]:
    """Return the distinct papers in order of first appearance, what was merged, and ids that two papers claim.

    A paper is not loaded if no other record has a mark of it.
    """
    holders = Counter(chain.from_iterable(record.paper.marks for record in records))
    several = {mark for mark, records_with_it in holders.items() if records_with_it > 1}
    shared = {i: each for i, each in enumerate(records) if not several.isdisjoint(each.paper.marks)}
    groups, merged, reasons, problems = _merge(shared)
    papers = {i: each.paper for i, each in enumerate(records) if i not in shared or i in groups}
    papers = dict(zip(papers, _with_ids(list((papers | merged).values())), strict=True))
    merges = tuple(
        Merge(papers[at].paper_id, records[at].place, records[i].place, reasons[i])
        for at in sorted(groups)
        for i in groups[at]
        if i != at
    )
    return tuple(papers.values()), merges, problems


def _merge(
    records: Mapping[int, Record],
) -> tuple[dict[int, list[int]], dict[int, ReadPaper], dict[int, str], list[Problem]]:
    """Return the groups of records of one paper by the first of them, their papers, reasons, and contradictions.

    Groups of one record have no paper here.
    """
    groups: dict[int, list[int]] = {}
    merged: dict[int, Paper] = {}
    holders: _Holders = defaultdict(dict)
    reasons: dict[int, str] = {}
    problems: list[Problem] = []
    for i, (source, line, read) in records.items():
        paper = read.load()
        groups[i], merged[i] = [i], paper
        at = i
        found, conflict = _matches(paper, holders, merged)
        if conflict and not found:
            problems.append(Problem(source, line, conflict))
        while found:
            own, at = at, min((at, *found))
            for other, reason in sorted({**found, own: ""}.items()):
                if other != at:
                    reasons[other] = reason or found[at]
                    groups[at] += groups.pop(other)
                    merged[at] = merge_papers(merged[at], merged.pop(other))
            found, _ = _matches(merged[at], holders, merged)  # which what it has now may match as well
            found.pop(at, None)
        for each in (paper, *([merged[at]] if at != i else ())):
            for key in _keys(each):
                holders[key][at] = None
    papers = {at: ReadPaper.of(merged[at]) for at, group in groups.items() if len(group) > 1}
    return groups, papers, reasons, problems


def merge_papers(first: Paper, second: Paper) -> Paper:
    """Merge two records of a paper: the more precise date, the longer texts and lists, the links and ids of both."""

    def longer(name: str) -> Any:
        return max((getattr(first, name) or "", getattr(second, name) or ""), key=len) or None

    def either(name: str) -> Any:
        value = getattr(first, name)
        return getattr(second, name) if value is None else value

    authors_of = max(first, second, key=lambda paper: (paper.authors_complete, len(paper.authors)))
    paper_id = min((first, second), key=_id_rank).paper_id
    links = dict.fromkeys(filter(None, (first.url, *first.urls, second.url, *second.urls)))
    own = f"https://arxiv.org/abs/{paper_id}"
    url = own if own in links else next(iter(links), None)
    return replace(
        first,
        paper_id=paper_id,
        abstract=longer("abstract") or "",
        date=longer("date"),
        url=url,
        urls=tuple(link for link in links if link != url),
        authors=authors_of.authors,
        authors_complete=authors_of.authors_complete,
        author_count=first.author_count or second.author_count,
        comments=max((n for n in (first.comments, second.comments) if n is not None), default=None),
        pages=tuple(dict.fromkeys((*first.pages, *second.pages))),
        bibliography=tuple({**dict(second.bibliography), **dict(first.bibliography)}.items())
        if second.bibliography and first.bibliography
        else first.bibliography or second.bibliography,
        entry_type=_published(first.entry_type, second.entry_type),
        **{name: either(name) for name in ("organisation", "venue", "code", "data", "doi", "pmid", "key")},
    )


def _matches(paper: Paper, holders: _Holders, merged: dict[int, Paper]) -> tuple[dict[int, str], str]:
    """Return the groups that a record belongs to, with the reasons, and what contradicts a shared id."""
    found: dict[int, str] = {}
    conflict = ""
    for name, value in _keys_to_seek(paper):
        held = (at for at in reversed(holders.get((name, value), {})) if at in merged)
        for at in islice(held, _MAX_COMPARED):
            if at in found:
                continue
            other = merged[at]
            if name.startswith("title"):
                reason = _same_work(other, paper)
            else:
                reason = f"the same {name} {value}" if _agree(other, paper) else None
                conflict = conflict or ("" if reason else f"{name} {value} is also that of “{other.title}”: both stay")
            if reason:
                found[at] = reason
    return found, conflict


def _keys(paper: Paper) -> Iterator[tuple[str, str]]:
    """Yield what a record can be found by: its ids, and its title alone, with each author's name, or with none."""
    title = _title(paper)
    yield from _ids(paper)
    yield "title", title
    yield from _authored(paper, title)
    if not paper.authors:
        yield "title without authors", title


def _keys_to_seek(paper: Paper) -> Iterator[tuple[str, str]]:
    """Yield the keys of records that can be of the same paper, the strongest first."""
    title = _title(paper)
    yield from _ids(paper)
    yield from _authored(paper, title)
    yield "title without authors" if paper.authors else "title", title


def _title(paper: Paper) -> str:
    return title_key(paper.title) or paper.title


def _authored(paper: Paper, title: str) -> Iterator[tuple[str, str]]:
    for word in sorted(_author_words(paper)):
        yield "title and author", f"{title} {word}"


def _ids(paper: Paper) -> Iterator[tuple[str, str]]:
    if paper.doi:
        yield "DOI", paper.doi.casefold()
    if arxiv_id := arxiv_id_of(paper):
        yield "arXiv id", arxiv_id
    if paper.pmid:
        yield "PMID", paper.pmid
    if paper.paper_id not in (arxiv_id, paper.doi, title_slug(paper.title)):
        yield "paper_id", paper.paper_id


def _agree(one: Paper, other: Paper) -> bool:
    """Return whether two records of one id are of one paper: alike in title, or by the same people."""
    from rapidfuzz import fuzz

    titles = title_key(one.title), title_key(other.title)
    return titles[0] == titles[1] or fuzz.token_set_ratio(*titles) >= _SIMILAR or _share_authors(one, other) is True


def _same_work(one: Paper, other: Paper) -> str | None:
    """Return why two records of one title are of one paper; None if they need not be."""
    if _contradict(one, other):
        return None
    authors = _share_authors(one, other)
    if authors is False:
        return None
    if authors:
        return "the same title and authors"
    if one.abstract and other.abstract:
        return "the same title and abstract" if _same_abstract(one.abstract, other.abstract) else None
    if one.year and one.year == other.year and len(title_key(one.title).split()) >= _SPECIFIC_WORDS:
        return "the same title and year"
    return None


def _contradict(one: Paper, other: Paper) -> bool:
    """Return whether dates or ids say that two records of one title are of two papers."""
    if one.year and other.year and abs(one.year - other.year) > _YEARS_APART:
        return True
    ids = (arxiv_id_of(one), arxiv_id_of(other)), (one.pmid, other.pmid)
    if any(first and second and first != second for first, second in ids):
        return True
    return bool(one.doi and other.doi and one.doi.casefold() != other.doi.casefold()) and not any(
        doi.partition("/")[0] in _PREPRINTS for doi in (one.doi or "", other.doi or "")
    )


def _share_authors(one: Paper, other: Paper) -> bool | None:
    """Return whether two records have an author in common; None where one has none."""
    if not (one.authors and other.authors):
        return None
    return not _author_words(one).isdisjoint(_author_words(other))


def _author_words(paper: Paper) -> frozenset[str]:
    """Return the words of the names of a paper's authors without initials."""
    return frozenset(word for name in paper.authors for word in name_words(name) if len(word) > 1)


def _same_abstract(one: str, other: str) -> bool:
    from rapidfuzz import fuzz

    first, second = title_key(one), title_key(other)
    return first.startswith(second) or second.startswith(first) or fuzz.ratio(first, second) >= _SIMILAR


def _id_rank(paper: Paper) -> int:
    """Return the rank of a record's id: one that was given, an arXiv id, a DOI, a slug of the title."""
    if paper.paper_id == title_slug(paper.title):
        return 3
    if paper.paper_id.startswith("10."):
        return 2
    return 1 if arxiv_id_in(paper.paper_id) else 0


def _published(first: str | None, second: str | None) -> str | None:
    """Return the type of the published record rather than that of a preprint."""
    return second if first in (None, "misc", "unpublished", "online") and second else first


def _with_ids(papers: Sequence[ReadPaper]) -> tuple[ReadPaper, ...]:
    """Return the papers with distinct ids: where two have one, the year and the first author distinguish them."""
    claims = Counter(paper.paper_id for paper in papers)
    if len(claims) == len(papers):
        return tuple(papers)
    taken = {paper_id for paper_id, count in claims.items() if count == 1}
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(2))
    return tuple(
        paper if claims[paper.paper_id] == 1 else ReadPaper.of(_with_distinct_id(paper.load(), taken, numbers))
        for paper in papers
    )


def _with_distinct_id(paper: Paper, taken: set[str], numbers: dict[str, Iterator[int]]) -> Paper:
    author = "-".join(name_words(paper.authors[0])[-1:]) if paper.authors else ""
    parts = [paper.paper_id, str(paper.year or ""), author]
    candidates = ["-".join(filter(None, parts[:end])) for end in (1, 2, 3)]
    numbered = (f"{candidates[-1]}-{n}" for n in numbers[candidates[-1]])
    chosen = next(each for each in chain(candidates, numbered) if each not in taken)
    taken.add(chosen)
    return replace(paper, paper_id=chosen)
