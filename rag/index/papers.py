"""The papers of a generation in an SQLite database: records, what is derived from them, and where their vectors are.

A paper keeps its row number as long as it is unchanged, so that an update writes only what differs. Its position in
corpus order may be another in each generation; `order` holds the row at each position.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from rag.corpus.cleaned import CleanedRecords
from rag.corpus.records import paper_digest, paper_to_record, restore_paper
from rag.corpus.titles import comparable, without_filler
from rag.errors import REBUILD, IndexFailed
from rag.index import record_cache
from rag.index.derived import COLUMNS, Derived, columns, derived
from rag.index.generations import PAPERS
from rag.index.titles import TitleIndex
from rag.text.sentences import sentence_spans
from rag.types import Paper

_SENTENCES = "sentences"  # beside the fields of a record
_CACHED = 4096  # papers in memory, of a few kB each
_TEXTS_CACHED = 256  # texts that were compared with titles
_SCHEMA = """
CREATE TABLE IF NOT EXISTS papers(
    row INTEGER PRIMARY KEY, paper_id TEXT NOT NULL UNIQUE, digest BLOB NOT NULL,
    chunks INTEGER NOT NULL, first INTEGER NOT NULL, tokens INTEGER NOT NULL, record BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS kinds(number INTEGER PRIMARY KEY, kind TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS names(kind INTEGER, key TEXT, row INTEGER, PRIMARY KEY (kind, key, row)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS words(kind INTEGER, word TEXT, uses INTEGER, PRIMARY KEY (kind, word)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arrays(name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changed(row INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS counts(name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""
_IN = "IN (SELECT value FROM json_each(?))"
_KIND = "(SELECT number FROM kinds WHERE kind = ?)"
_LAST = "\U0010ffff"  # sorts after every character
_ROW = np.dtype("<i4")
PLACE = np.dtype([("first", "<i8"), ("tokens", "<i4"), ("chunks", "<i4")])

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IndexedPaper:
    """A paper, its digest, the number of its chunks, and its rows of token vectors: `tokens` of them from `first`."""

    paper: Paper
    digest: str
    chunks: int = 0
    first: int = 0
    tokens: int = 0


class PaperStore(Mapping[str, Paper]):
    """Papers by id, in corpus order, read from disk when they are asked for; safe to use from several threads.

    Methods that return the positions of papers in corpus order return them sorted. All raise IndexFailed if the
    database is damaged.
    """

    def __init__(self, database: _Database) -> None:
        self._database = database
        self._loaded: dict[str, Paper] = {}
        self._loading = Lock()
        self.rows: NDArray[np.int32] = database.array("order", _ROW)
        """The row of the database at each position."""
        self.titled = lru_cache(_TEXTS_CACHED)(self._titled)
        self._close = finalize(self, database.close)

    @classmethod
    def of(cls, papers: Iterable[Paper]) -> PaperStore:
        """Return a store in memory of papers in the given order."""
        writer = PaperWriter(":memory:")
        by_id = {paper.paper_id: paper for paper in papers}
        writer.add([IndexedPaper(paper, paper_digest(paper)) for paper in by_id.values()])
        writer.finish(list(by_id), by_id.__getitem__)
        return cls(_Database(":memory:", writer.connection))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __contains__(self, paper_id: object) -> bool:
        return bool(self._database.select("SELECT 1 FROM papers WHERE paper_id = ?", (paper_id,)))

    def __getitem__(self, paper_id: str) -> Paper:
        return self.load((paper_id,))[0]

    def load(self, paper_ids: Sequence[str]) -> list[Paper]:
        """Return papers, in the order of their ids; raises KeyError."""
        found = {paper_id: paper for paper_id in paper_ids if (paper := self._loaded.get(paper_id))}
        if missing := [paper_id for paper_id in paper_ids if paper_id not in found]:
            query = f"SELECT paper_id, record FROM papers WHERE paper_id {_IN}"
            read = {key: self._restored(record) for key, record in self._database.select(query, (_list(missing),))}
            found |= read
            with self._loading:
                self._loaded |= read
                for paper_id in list(islice(self._loaded, max(0, len(self._loaded) - _CACHED))):
                    del self._loaded[paper_id]
        return [found[paper_id] for paper_id in paper_ids]

    def _restored(self, record: bytes) -> Paper:
        try:
            return _from_bytes(record)
        except (ValueError, AttributeError, KeyError, TypeError, zlib.error) as error:
            raise self._database.damaged(error) from None

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of all papers in corpus order."""
        by_row = dict(self._database.select("SELECT row, paper_id FROM papers"))
        return tuple(by_row[row] for row in self.rows.tolist())

    def ids_at(self, positions: Iterable[int]) -> list[str]:
        """Return the ids of the papers at some positions, in the order of these."""
        return self._ids_of(self.rows[np.fromiter(positions, np.int64)].tolist())

    def at(self, positions: Iterable[int]) -> list[Paper]:
        """Return the papers at some positions, in the order of these."""
        return self.load(self.ids_at(positions))

    def at_rows(self, rows: Iterable[int]) -> list[Paper]:
        """Return the papers of some rows of the database, in the order of these."""
        return self.load(self._ids_of([int(row) for row in rows]))

    def newest(self, count: int) -> list[Paper]:
        """Return up to so many papers, none of which is older than one left out, in corpus order."""
        dates = self.columns["date"]
        newest = np.argsort(-dates, kind="stable")[:count] if count < len(dates) else np.arange(len(dates))
        return self.at(np.sort(newest).tolist())

    def position(self, paper_id: str) -> int:
        """Return a paper's position; raises KeyError."""
        return int(self.positions((paper_id,))[0])

    def positions(self, paper_ids: Sequence[str]) -> Positions:
        """Return the positions of papers, in the order of their ids; raises KeyError."""
        found = self._database.select(f"SELECT paper_id, row FROM papers WHERE paper_id {_IN}", (_list(paper_ids),))
        by_id = dict(found)
        return self._position_of_row[[by_id[paper_id] for paper_id in paper_ids]].astype(np.int64)

    def digests(self, paper_ids: Iterable[str] | None = None) -> dict[str, str]:
        """Return the digests of those of some papers that are here, or of all, in no order."""
        return {key: digest.hex() for key, digest in self._database.select(*_digests_of(paper_ids))}

    def cleaned(self) -> CleanedRecords:
        """Return what was made of the records that were read last; they load their papers from here."""
        return record_cache.read_cleaned(self._database.select, self.__getitem__)

    @cached_property
    def columns(self) -> NDArray[np.void]:
        """The columns of all papers in corpus order, of type `rag.index.derived.COLUMNS`."""
        return self._database.array("columns", COLUMNS)[self.rows]

    @cached_property
    def places(self) -> NDArray[np.void]:
        """The `first` row of each paper's token vectors and the numbers of its `tokens` and `chunks`."""
        return self._database.array("places", PLACE)

    @cached_property
    def titles(self) -> TitleIndex:
        """The index of titles, by rows of the database."""
        return TitleIndex.of({name: self._database.array(name, dtype) for name, dtype in TitleIndex.DTYPES.items()})

    def with_title_in(self, text: str) -> dict[str, Paper]:
        """Return the papers of whose titles, or of their parts before a colon, a text has all words, in order."""
        positions = np.sort(self._position_of_row[self.titles.contained_in(comparable(text))])
        return {paper.paper_id: paper for paper in self.at(positions.tolist())}

    def _titled(self, text: str) -> dict[str, Paper]:
        """Return the papers by whose titles a text may call them, for `rag.corpus.titles` to compare, in any order."""
        forms = {comparable(text), without_filler(text)}
        rows = {row for form in forms for row in self.titles.candidates(form).tolist()}
        return {paper.paper_id: paper for paper in self.at_rows(sorted(rows))}

    def papers_with(self, kind: str, key: str) -> Positions:
        """Return the positions of the papers that have a name."""
        return self.papers_between(kind, key, key)

    def papers_with_any(self, kind: str, keys: Iterable[str]) -> Positions:
        """Return the positions of the papers that have at least one of the names."""
        query = f"SELECT DISTINCT row FROM names WHERE kind = {_KIND} AND key {_IN}"
        return self._sorted(self._database.select(query, (kind, _list(keys))))

    def papers_between(self, kind: str, first: str, last: str) -> Positions:
        """Return the positions of the papers that have a name of a kind from `first` to `last`, both inclusive."""
        query = f"SELECT DISTINCT row FROM names WHERE kind = {_KIND} AND key BETWEEN ? AND ?"
        return self._sorted(self._database.select(query, (kind, first, last)))

    def keys_held(self, kind: str, keys: Iterable[str]) -> set[str]:
        """Return which of the names any paper has."""
        query = f"SELECT DISTINCT key FROM names WHERE kind = {_KIND} AND key {_IN}"
        return {key for (key,) in self._database.select(query, (kind, _list(keys)))}

    def uses(self, kind: str, word: str) -> int:
        """Return how many papers use a word."""
        return self.uses_of(kind, (word,)).get(word, 0)

    def uses_of(self, kind: str, words: Iterable[str]) -> dict[str, int]:
        """Return how many papers use each word; those that none uses are left out."""
        query = f"SELECT word, uses FROM words WHERE kind = {_KIND} AND word {_IN}"
        return dict(self._database.select(query, (kind, _list(words))))

    def words_between(self, kind: str, first: str, last: str, least: int = 1) -> list[tuple[str, int]]:
        """Return the words from `first` to `last`, both inclusive, that `least` papers use, sorted, with their uses."""
        query = (
            f"SELECT word, uses FROM words WHERE kind = {_KIND} AND word BETWEEN ? AND ? AND uses >= ? ORDER BY word"
        )
        found: list[tuple[str, int]] = self._database.select(query, (kind, first, last, least))
        return found

    def words_from(self, kind: str, prefix: str, least: int = 1) -> list[tuple[str, int]]:
        """Return the words with a prefix that at least `least` papers use, sorted, with their uses."""
        return self.words_between(kind, prefix, prefix + _LAST, least)

    def close(self) -> None:
        """Close the file; garbage collection of the store closes it too."""
        self._close()

    @cached_property
    def _position_of_row(self) -> NDArray[np.int32]:
        positions = np.zeros(int(self.rows.max(initial=-1)) + 1, np.int32)
        positions[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        return positions

    def _ids_of(self, rows: list[int]) -> list[str]:
        by_row = dict(self._database.select(f"SELECT row, paper_id FROM papers WHERE row {_IN}", (_list(rows),)))
        return [by_row[row] for row in rows]

    def _sorted(self, rows: Iterable[tuple[int]]) -> Positions:
        return np.sort(self._position_of_row[[row for (row,) in rows]]).astype(np.int64)


class PaperWriter:
    """Writes the database of a generation that is being built; each change is durable on return."""

    def __init__(self, path: Path | str, derive: Callable[[Paper], Derived] = derived) -> None:
        """Open a database for writing, created if missing; raises sqlite3.Error."""
        self.connection = sqlite3.connect(path, check_same_thread=False)
        self.connection.executescript(_SCHEMA + record_cache.SCHEMA)
        self._derive = derive

    def digests(self, paper_ids: Iterable[str] | None = None) -> dict[str, str]:
        """Return the digests of those of some papers that are here, or of all."""
        return {key: digest.hex() for key, digest in self.connection.execute(*_digests_of(paper_ids))}

    def chunks(self, paper_ids: Iterable[str] | None = None) -> dict[str, int]:
        """Return the number of chunks of papers that are here, or of all."""
        if paper_ids is None:
            return dict(self.connection.execute("SELECT paper_id, chunks FROM papers"))
        query = f"SELECT paper_id, chunks FROM papers WHERE paper_id {_IN}"
        return dict(self.connection.execute(query, (_list(paper_ids),)))

    def removed_chunks(self) -> int:
        """Return how many chunks were removed, since this was last set to 0."""
        return int(self.connection.execute("SELECT ifnull(sum(number), 0) FROM counts").fetchone()[0])

    def forget_removed_chunks(self) -> None:
        """Set the number of removed chunks to 0."""
        with self.connection:
            self.connection.execute("DELETE FROM counts")

    def places(self) -> dict[str, tuple[int, int]]:
        """Return the first row of each paper's token vectors and their number, sorted by these."""
        query = "SELECT paper_id, first, tokens FROM papers ORDER BY first"
        return {paper_id: (first, tokens) for paper_id, first, tokens in self.connection.execute(query)}

    def move(self, firsts: Mapping[str, int]) -> None:
        """Set where the token vectors of papers begin."""
        with self.connection:
            query = "UPDATE papers SET first = ?2 WHERE paper_id = ?1"
            self.connection.executemany(query, firsts.items())

    def add(self, papers: Sequence[IndexedPaper]) -> None:
        """Add papers that are not here."""
        with self.connection:
            rows = self._free_rows(len(papers))
            self._mark(rows)
            self.connection.executemany(
                "INSERT INTO papers VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (row, x.paper.paper_id, bytes.fromhex(x.digest), x.chunks, x.first, x.tokens, _to_bytes(x.paper))
                    for row, x in zip(rows, papers, strict=True)
                ),
            )
            found = [self._derive(each.paper) for each in papers]
            names = [(*name, row) for row, each in zip(rows, found, strict=True) for name in each.names]
            words = Counter(word for each in found for word in each.words)
            kinds = {(kind,) for kind, *_ in (*names, *words)}
            self.connection.executemany("INSERT OR IGNORE INTO kinds (kind) VALUES (?)", kinds)
            self.connection.executemany(f"INSERT INTO names VALUES ({_KIND}, ?, ?)", names)
            self._count(words)

    def remove(self, paper_ids: Iterable[str]) -> None:
        """Delete papers, with their names and words."""
        query = f"SELECT row, chunks, record FROM papers WHERE paper_id {_IN}"
        with self.connection:
            words = Counter[tuple[str, str]]()
            rows, removed = [], 0
            for row, chunks, record in self.connection.execute(query, (_list(paper_ids),)).fetchall():
                found = self._derive(_from_bytes(record))
                names = [(*name, row) for name in found.names]
                self.connection.executemany(f"DELETE FROM names WHERE kind = {_KIND} AND key = ? AND row = ?", names)
                words.subtract(found.words)
                rows.append(row)
                removed += chunks
            self._count(words)
            query = "INSERT INTO counts VALUES ('removed chunks', ?) ON CONFLICT DO UPDATE SET number = number + ?1"
            self.connection.execute(query, (removed,))
            self._mark(rows)
            self.connection.executemany("DELETE FROM papers WHERE row = ?", [(row,) for row in rows])

    def changes(self) -> tuple[list[int], dict[int, str]]:
        """Return the rows that were changed since `forget_changes`, and the ids of the papers that they have now."""
        rows = [row for (row,) in self.connection.execute("SELECT row FROM changed")]
        return rows, dict(self.connection.execute("SELECT row, paper_id FROM papers JOIN changed USING (row)"))

    def forget_changes(self) -> None:
        """Take the papers that are here now for unchanged."""
        with self.connection:
            self.connection.execute("DELETE FROM changed")

    def rows(self, paper_ids: Iterable[str]) -> NDArray[np.int32]:
        """Return the rows of papers."""
        row_of = dict(self.connection.execute("SELECT paper_id, row FROM papers"))
        return np.array([row_of[paper_id] for paper_id in paper_ids], _ROW)

    def remember(self, records: CleanedRecords, digests: Mapping[str, str]) -> None:
        """Keep what was made of the records that were read; `digests` are those of the papers that are here."""
        record_cache.write_cleaned(self.connection, records, digests)

    def finish(self, paper_ids: Sequence[str], load: Callable[[str], Paper]) -> None:
        """Write the arrays, for papers in corpus order: exactly those that are here."""
        removed, changed = self.changes()
        added = {row: load(paper_id) for row, paper_id in changed.items()}
        order = self.rows(paper_ids)
        query = "SELECT row, first, tokens, chunks FROM papers ORDER BY row"
        by_row = np.array(self.connection.execute(query).fetchall(), np.int64).reshape(-1, 4)
        places = np.zeros(len(order), PLACE)
        for i, name in enumerate(PLACE.names or (), start=1):
            places[name] = by_row[np.searchsorted(by_row[:, 0], order), i]
        facts = np.zeros(int(order.max(initial=-1)) + 1, COLUMNS)
        known = _array(self.connection, "columns", COLUMNS)[: len(facts)]
        facts[: len(known)] = known
        facts[list(added)] = [columns(paper) for paper in added.values()]
        titles = TitleIndex.of(
            {name: _array(self.connection, name, dtype) for name, dtype in TitleIndex.DTYPES.items()}
        ).updated(removed, {row: paper.title for row, paper in added.items()})
        arrays = {"order": order, "places": places, "columns": facts, **titles.arrays()}
        with self.connection:
            self.connection.executemany(
                "INSERT OR REPLACE INTO arrays VALUES (?, ?)",
                ((name, np.ascontiguousarray(array).tobytes()) for name, array in arrays.items()),
            )

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def _free_rows(self, count: int) -> list[int]:
        """Return row numbers that no paper has, the lowest first: rows of removed papers are used again."""
        papers, rows = self.connection.execute("SELECT count(*), ifnull(max(row) + 1, 0) FROM papers").fetchone()
        free: list[int] = []
        if papers < rows:
            taken = {row for (row,) in self.connection.execute("SELECT row FROM papers")}
            free = sorted(set(range(rows)) - taken)[:count]
        return [*free, *range(rows, rows + count - len(free))]

    def _mark(self, rows: Iterable[int]) -> None:
        self.connection.executemany("INSERT OR IGNORE INTO changed VALUES (?)", [(row,) for row in rows])

    def _count(self, words: Mapping[tuple[str, str], int]) -> None:
        """Add to the uses of words, and delete those that are not used any more."""
        query = f"INSERT INTO words VALUES ({_KIND}, ?, ?) ON CONFLICT DO UPDATE SET uses = uses + excluded.uses"
        self.connection.executemany(query, [(*word, uses) for word, uses in words.items()])
        unused = [word for word, uses in words.items() if uses < 0]
        self.connection.executemany(f"DELETE FROM words WHERE kind = {_KIND} AND word = ? AND uses <= 0", unused)


class _Database:
    """A connection for reading, which threads share."""

    def __init__(self, name: str, connection: sqlite3.Connection) -> None:
        self._name = name
        self._connection = connection
        self._lock = Lock()

    def select(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            try:
                found: list[Any] = self._connection.execute(query, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise self.damaged(error) from None
        return found

    def array(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        with self._lock:
            try:
                return _array(self._connection, name, dtype)
            except (sqlite3.DatabaseError, ValueError) as error:
                raise self.damaged(error) from None

    def close(self) -> None:
        self._connection.close()

    def damaged(self, reason: object) -> IndexFailed:
        return IndexFailed(f"{self._name} is damaged ({reason}). {REBUILD}")


def open_papers(generation: Path) -> PaperStore:
    """Open the papers of a generation; raises IndexFailed if they are missing or damaged."""
    path = generation / PAPERS
    try:
        address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    except sqlite3.Error as error:
        raise IndexFailed(f"{path} cannot be opened ({error}). {REBUILD}") from None
    try:
        return PaperStore(_Database(str(path), connection))
    except IndexFailed:
        connection.close()
        raise


def _array(connection: sqlite3.Connection, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read an array, empty if there is none."""
    found = connection.execute("SELECT content FROM arrays WHERE name = ?", (name,)).fetchone()
    return np.frombuffer(found[0] if found else b"", dtype)


def _to_bytes(paper: Paper) -> bytes:
    record = {**paper_to_record(paper), _SENTENCES: sentence_spans(paper.abstract)}
    return zlib.compress(json.dumps(record, ensure_ascii=False).encode())


def _from_bytes(record: bytes) -> Paper:
    values = json.loads(zlib.decompress(record))
    values[_SENTENCES] = list(map(tuple, values[_SENTENCES]))
    return restore_paper(values)


def _digests_of(paper_ids: Iterable[str] | None) -> tuple[str, tuple[str, ...]]:
    """Return the query for the digests of some papers, or of all, and its parameters."""
    query = "SELECT paper_id, digest FROM papers"
    return (query, ()) if paper_ids is None else (f"{query} WHERE paper_id {_IN}", (_list(paper_ids),))


def _list(values: Iterable[object]) -> str:
    return json.dumps(list(values))
