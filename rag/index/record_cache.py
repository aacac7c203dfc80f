"""What was made of the records that were read last (`rag.corpus.cleaned`), kept in the database of papers.

A paper that is indexed as it was read stands there alone; one that was merged with others, or left out, stands here.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from rag.corpus.cleaned import CleanedRecord, CleanedRecords, reading_version
from rag.corpus.identity import ReadPaper
from rag.corpus.records import paper_to_record, restore_paper
from rag.types import Paper

SCHEMA = """
CREATE TABLE IF NOT EXISTS cleaned(key BLOB PRIMARY KEY, facts TEXT NOT NULL, papers BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cleaned_by(version TEXT NOT NULL);
"""
_VERSION = "SELECT version FROM cleaned_by"

Select = Callable[[str, Sequence[Any]], list[Any]]


def read_cleaned(select: Select, indexed: Callable[[str], Paper]) -> CleanedRecords:
    """Return what is known of records: nothing by another version of the reading code. `indexed` loads a paper."""
    if select(_VERSION, ()) != [(reading_version(),)]:
        return {}

    def load(key: bytes, number: int, paper_id: str) -> Paper:
        ((own,),) = select("SELECT papers FROM cleaned WHERE key = ?", (key,))
        return restore_paper(json.loads(zlib.decompress(own))[number]) if own else indexed(paper_id)

    def restored(key: bytes, number: int, paper: list[Any] | None, *rest: Any) -> CleanedRecord:
        if paper is None:
            return CleanedRecord(None, *rest)
        paper_id, digest, marks, has_abstract = paper
        return CleanedRecord(
            ReadPaper(paper_id, digest, marks, has_abstract, partial(load, key, number, paper_id)), *rest
        )

    rows = select("SELECT key, facts FROM cleaned", ())
    all_facts = json.loads(f"[{','.join(facts for _, facts in rows)}]")  # a call for each row takes twice as long
    return {
        key: tuple([restored(key, number, *each) for number, each in enumerate(facts)])
        for (key, _), facts in zip(rows, all_facts, strict=True)
    }


def write_cleaned(connection: sqlite3.Connection, records: CleanedRecords, digests: Mapping[str, str]) -> None:
    """Keep what was made of records, and of no others; `digests` are those of the papers that are indexed."""
    with connection:
        if connection.execute(_VERSION).fetchall() != [(reading_version(),)]:
            connection.execute("DELETE FROM cleaned")
            connection.execute("DELETE FROM cleaned_by")
            connection.execute("INSERT INTO cleaned_by VALUES (?)", (reading_version(),))
        whole = dict(connection.execute("SELECT key, papers IS NOT NULL FROM cleaned"))
        gone = [(key,) for key in whole if key not in records]
        connection.executemany("DELETE FROM cleaned WHERE key = ?", gone)
        alone = {
            key
            for key, found in records.items()
            for each in found
            if each.paper and digests.get(each.paper.paper_id) != each.paper.digest
        }
        written = [key for key in records if key not in whole or (key in alone and not whole[key])]
        connection.executemany(
            "INSERT OR REPLACE INTO cleaned VALUES (?, ?, ?)",
            ((key, _facts(records[key]), _papers(records[key]) if key in alone else None) for key in written),
        )


def _facts(found: Sequence[CleanedRecord]) -> str:
    papers = (each.paper for each in found)
    facts = ([each.paper_id, each.digest, each.marks, each.has_abstract] if each else None for each in papers)
    rest = ((each.reason, each.coerced, each.unknown) for each in found)
    return json.dumps([[paper, *others] for paper, others in zip(facts, rest, strict=True)], ensure_ascii=False)


def _papers(found: Sequence[CleanedRecord]) -> bytes:
    records = [paper_to_record(each.paper.load()) if each.paper else None for each in found]
    return zlib.compress(json.dumps(records, ensure_ascii=False).encode())
