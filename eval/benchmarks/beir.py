"""Read a folder in BEIR format: corpus.jsonl, queries.jsonl and qrels.tsv (Thakur et al., BEIR, NeurIPS 2021).

Both spellings in use are read: `id` or `_id`, and `qrels.tsv`, `qrels_dev.tsv` or `qrels/dev.tsv` for a split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.corpus.files import parse_json_lines, read_text
from rag.corpus.records import paper_from_record
from rag.errors import CorpusError
from rag.types import Paper

_NOTHING = "—"  # stands for a title or text that a document lacks: it holds no word


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was left out of a test set: qrels of unknown queries or documents, and documents without text."""

    unknown_queries: int = 0
    unknown_documents: int = 0
    empty_documents: int = 0


@dataclass(frozen=True, slots=True)
class TestSet:
    """A collection with queries and graded judgements; `qrels` maps query id to document id to a grade above 0."""

    __test__ = False  # pytest would take it for a class of tests

    name: str
    split: str
    papers: tuple[Paper, ...]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    skipped: Skipped


def read_test_set(folder: Path, split: str = "test") -> TestSet:
    """Read a folder; raises CorpusError that names the file, and the line where one is bad.

    Only queries with a positive judgement are kept: the others cannot be scored.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder} is not a folder. Name one with corpus.jsonl, queries.jsonl and qrels.tsv.")
    corpus = _named(folder, "corpus.jsonl")
    queries = _named(folder, f"queries_{split}.jsonl", "queries.jsonl")
    qrels = _named(folder, f"qrels_{split}.tsv", f"qrels/{split}.tsv", *(["qrels.tsv"] if split == "test" else []))
    papers, empty = _read_papers(corpus)
    texts = _read_queries(queries)
    judged, skipped = _known(qrels, texts, {paper.paper_id for paper in papers}, empty)
    asked = {query_id: text for query_id, text in texts.items() if query_id in judged}
    return TestSet(folder.resolve().name, split, papers, asked, judged, skipped)


def _named(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise CorpusError(
        f"{folder} has no {' or '.join(names)}. A BEIR folder has corpus.jsonl, queries.jsonl, qrels.tsv."
    )


def _read_papers(path: Path) -> tuple[tuple[Paper, ...], int]:
    """Return the documents, and the number of those with neither title nor text."""
    papers = []
    empty = 0
    for paper_id, line, record in _records(path):
        title, text = (_text(path, line, record, name).strip() for name in ("title", "text"))
        if not title and not text:
            empty += 1
            continue
        known = {"paper_id": paper_id, "title": title or _NOTHING, "abstract": text or _NOTHING}
        try:
            papers.append(paper_from_record(known))
        except ValueError as error:
            raise _bad(path, line, str(error)) from None
    if not papers:
        raise CorpusError(f"{path} holds no document. Each line is an object with id, title and text.")
    return tuple(papers), empty


def _read_queries(path: Path) -> dict[str, str]:
    queries = {}
    for query_id, line, record in _records(path):
        queries[query_id] = _text(path, line, record, "text")
        if not queries[query_id].strip():
            raise _bad(path, line, "the query is empty")
    return queries


def _records(path: Path) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Yield (id, line number, record); raises CorpusError for a line without an id, or with one seen before."""
    seen: set[str] = set()
    for line, record in parse_json_lines(read_text(path)):
        if isinstance(record, ValueError):
            raise _bad(path, line, str(record))
        known = record.get("id", record.get("_id"))
        if not isinstance(known, str) or not known:
            raise _bad(path, line, 'no "id" that is a string')
        if known in seen:
            raise _bad(path, line, f"id {known} occurs twice")
        seen.add(known)
        yield known, line, record


def _known(
    path: Path, queries: Mapping[str, str], documents: set[str], empty: int
) -> tuple[dict[str, dict[str, int]], Skipped]:
    """Return the positive judgements of known queries and documents, and count the others."""
    qrels: dict[str, dict[str, int]] = {}
    unknown_queries = unknown_documents = 0
    for query_id, document_id, grade in _judgements(path):
        if query_id not in queries:
            unknown_queries += 1
        elif document_id not in documents:
            unknown_documents += 1
        elif grade > 0:
            qrels.setdefault(query_id, {})[document_id] = grade
    if not qrels:
        raise CorpusError(
            f"{path} holds no positive judgement of a known query and document ({unknown_queries} name an unknown "
            f"query, {unknown_documents} an unknown document). Check that it belongs to the files beside it."
        )
    return qrels, Skipped(unknown_queries, unknown_documents, empty)


def _judgements(path: Path) -> Iterator[tuple[str, str, int]]:
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        parts = text.rstrip("\r").split("\t")
        if not text.strip() or (line == 1 and parts[-1] == "score"):
            continue
        try:
            query_id, document_id, grade = parts
            yield query_id, document_id, int(grade)
        except ValueError:
            raise _bad(path, line, "not query-id, corpus-id and a whole score with tabs between") from None


def _text(path: Path, line: int, record: Mapping[str, Any], name: str) -> str:
    value = record.get(name, "" if name == "title" else None)
    if not isinstance(value, str):
        raise _bad(path, line, f'no "{name}" that is a string')
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _bad(path, line, f"{name} holds half a surrogate pair") from None
    return value


def _bad(path: Path, line: int, reason: str) -> CorpusError:
    return CorpusError(f"{path} line {line}: {reason}. Correct the line.")
