"""The papers of a generation in an SQLite database: records, and the names and words derived from them.

A paper keeps its row number as long as it is unchanged, so that an update writes only what differs. Its position in
corpus order may change with each generation; the array `order` has the row of each position.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from rag.corpus.derived import Derived, derived
from rag.corpus.records import paper_from_record, paper_to_record
from rag.errors import REBUILD, IndexFailed
from rag.types import Paper

_CACHED = 4096  # papers in memory, of a few kB each
_SCHEMA = """
CREATE TABLE IF NOT EXISTS papers(
    row INTEGER PRIMARY KEY, paper_id TEXT NOT NULL UNIQUE, digest BLOB NOT NULL, record BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS names(kind TEXT, key TEXT, row INTEGER, PRIMARY KEY (kind, key, row)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS words(word TEXT PRIMARY KEY, uses INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arrays(name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
"""
_ROW = np.dtype("<i4")


class PaperStore(Mapping[str, Paper]):
    """Papers by id, in corpus order, read from disk when they are asked for; safe to use from several threads.

    Methods that return papers' positions in corpus order return them sorted, as an array of int64. All methods raise
    IndexFailed if the database is damaged.
    """

    def __init__(self, path: Path) -> None:
        """Open a finished database; opening takes the same time whatever its size."""
        self._database = _Database(path)
        self._paper = lru_cache(_CACHED)(partial(_read_paper, self._database))
        self._rows = self._database.array("order")
        self._close = finalize(self, self._database.close)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __contains__(self, paper_id: object) -> bool:
        return bool(self._database.select("SELECT 1 FROM papers WHERE paper_id = ?", (paper_id,)))

    def __getitem__(self, paper_id: str) -> Paper:
        return self._paper(paper_id)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of all papers in corpus order."""
        by_row = dict(self._database.select("SELECT row, paper_id FROM papers"))
        return tuple(by_row[row] for row in self._rows.tolist())

    def ids_at(self, positions: Iterable[int]) -> list[str]:
        """Return the ids of the papers at some positions."""
        rows = self._rows[np.fromiter(positions, np.int64)].tolist()
        query = "SELECT row, paper_id FROM papers WHERE row IN (SELECT value FROM json_each(?))"
        by_row = dict(self._database.select(query, (json.dumps(rows),)))
        return [by_row[row] for row in rows]

    def position(self, paper_id: str) -> int:
        """Return a paper's position in corpus order; raises KeyError."""
        return int(self.positions((paper_id,))[0])

    def positions(self, paper_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the positions of papers, in the order of their ids; raises KeyError."""
        query = "SELECT paper_id, row FROM papers WHERE paper_id IN (SELECT value FROM json_each(?))"
        by_id = dict(self._database.select(query, (json.dumps(list(paper_ids)),)))
        return self._position_of_row[[by_id[paper_id] for paper_id in paper_ids]].astype(np.int64)

    def digests(self) -> dict[str, str]:
        """Return the digest of each paper, in no order."""
        return {key: digest.hex() for key, digest in self._database.select("SELECT paper_id, digest FROM papers")}

    def papers_with(self, kind: str, key: str) -> NDArray[np.int64]:
        """Return the positions of the papers that have a name."""
        return self.papers_between(kind, key, key)

    def papers_between(self, kind: str, first: str, last: str) -> NDArray[np.int64]:
        """Return the positions of the papers that have a name of a kind from `first` to `last`, both inclusive."""
        query = "SELECT DISTINCT row FROM names WHERE kind = ? AND key BETWEEN ? AND ?"
        rows = [row for (row,) in self._database.select(query, (kind, first, last))]
        return np.sort(self._position_of_row[rows]).astype(np.int64)

    def keys_of(self, kind: str, prefix: str = "") -> list[str]:
        """Return the names of a kind that begin with a prefix, sorted."""
        query = "SELECT DISTINCT key FROM names WHERE kind = ? AND key BETWEEN ? AND ? ORDER BY key"
        return [key for (key,) in self._database.select(query, (kind, prefix, prefix + "\U0010ffff"))]

    def uses(self, word: str) -> int:
        """Return how often the papers use a word, together."""
        found = self._database.select("SELECT uses FROM words WHERE word = ?", (word,))
        return int(found[0][0]) if found else 0

    def close(self) -> None:
        """Close the file; garbage collection of the store closes it too."""
        self._close()

    @cached_property
    def _position_of_row(self) -> NDArray[np.int32]:
        positions = np.zeros(int(self._rows.max(initial=-1)) + 1, np.int32)
        positions[self._rows] = np.arange(len(self._rows), dtype=np.int32)
        return positions


class PaperWriter:
    """Writes the database of a generation that is being built; each change is durable on return."""

    def __init__(self, path: Path, derive: Callable[[Paper], Derived] = derived) -> None:
        """Open a database for writing, created if missing; raises sqlite3.Error."""
        self._derive = derive
        self._connection = sqlite3.connect(path)
        self._connection.executescript(_SCHEMA)

    def digests(self) -> dict[str, str]:
        """Return the digest of each paper."""
        return {key: digest.hex() for key, digest in self._connection.execute("SELECT paper_id, digest FROM papers")}

    def add(self, papers: Sequence[tuple[Paper, str]]) -> None:
        """Add papers that are not here, with their digests."""
        records = [_to_bytes(paper) for paper, _ in papers]
        with self._connection:
            rows = self._free_rows(len(papers))
            self._connection.executemany(
                "INSERT INTO papers VALUES (?, ?, ?, ?)",
                [
                    (row, paper.paper_id, bytes.fromhex(digest), record)
                    for row, (paper, digest), record in zip(rows, papers, records, strict=True)
                ],
            )
            self._add_derived([(row, paper) for row, (paper, _) in zip(rows, papers, strict=True)])

    def remove(self, paper_ids: Iterable[str]) -> None:
        """Delete papers, with their names and words."""
        ids = json.dumps(list(paper_ids))
        held = "paper_id IN (SELECT value FROM json_each(?))"
        with self._connection:
            found = self._connection.execute(f"SELECT row, record FROM papers WHERE {held}", (ids,)).fetchall()
            words = Counter[str]()
            for _, record in found:
                words.update(self._derive(_from_bytes(record)).words)
            rows = json.dumps([row for row, _ in found])
            self._connection.execute("DELETE FROM names WHERE row IN (SELECT value FROM json_each(?))", (rows,))
            self._add_uses({word: -uses for word, uses in words.items()})
            self._connection.execute("DELETE FROM words WHERE uses <= 0")
            self._connection.execute(f"DELETE FROM papers WHERE {held}", (ids,))

    def set_order(self, paper_ids: Iterable[str]) -> None:
        """Set the order of the papers, all of which have to be here."""
        row_of = dict(self._connection.execute("SELECT paper_id, row FROM papers"))
        rows = np.array([row_of[paper_id] for paper_id in paper_ids], _ROW)
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO arrays VALUES ('order', ?)", (rows.tobytes(),))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _free_rows(self, count: int) -> list[int]:
        """Return row numbers that no paper has, the lowest first: rows of removed papers are used again."""
        (papers, rows) = self._connection.execute("SELECT count(*), ifnull(max(row) + 1, 0) FROM papers").fetchone()
        free: list[int] = []
        if papers < rows:
            taken = {row for (row,) in self._connection.execute("SELECT row FROM papers")}
            free = sorted(set(range(rows)) - taken)[:count]
        return [*free, *range(rows, rows + count - len(free))]

    def _add_derived(self, papers: Iterable[tuple[int, Paper]]) -> None:
        words = Counter[str]()
        for row, paper in papers:
            found = self._derive(paper)
            names = [(kind, key, row) for kind, key in found.names]
            self._connection.executemany("INSERT INTO names VALUES (?, ?, ?)", names)
            words.update(found.words)
        self._add_uses(words)

    def _add_uses(self, words: Mapping[str, int]) -> None:
        self._connection.executemany(
            "INSERT INTO words VALUES (?, ?) ON CONFLICT DO UPDATE SET uses = uses + excluded.uses", words.items()
        )


class _Database:
    """A connection for reading that threads share."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._connection = self._checked(
            sqlite3.connect, f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )

    def select(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            found: list[Any] = self._checked(lambda: self._connection.execute(query, values).fetchall())
            return found

    def array(self, name: str) -> NDArray[np.int32]:
        found = self.select("SELECT content FROM arrays WHERE name = ?", (name,))
        return np.frombuffer(found[0][0] if found else b"", _ROW)

    def close(self) -> None:
        self._connection.close()

    def _checked(self, call: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except sqlite3.DatabaseError as error:
            raise self.damaged(error) from None

    def damaged(self, reason: object) -> IndexFailed:
        return IndexFailed(f"{self.path} is damaged ({reason}). {REBUILD}")


def _read_paper(database: _Database, paper_id: str) -> Paper:
    found = database.select("SELECT record FROM papers WHERE paper_id = ?", (paper_id,))
    if not found:
        raise KeyError(paper_id)
    try:
        return _from_bytes(found[0][0])
    except (ValueError, AttributeError, zlib.error) as error:
        raise database.damaged(error) from None


def _to_bytes(paper: Paper) -> bytes:
    return zlib.compress(json.dumps(paper_to_record(paper), ensure_ascii=False).encode())


def _from_bytes(record: bytes) -> Paper:
    return paper_from_record(json.loads(zlib.decompress(record)))
