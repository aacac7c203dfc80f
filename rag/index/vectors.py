"""Chunk vectors of one generation, in a Chroma collection of its own.

A row is a chunk: its id and its vector. Chroma acknowledges a write when it is durable, so a resumed run finds here
what a killed one had already encoded.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from weakref import finalize

import numpy as np

from rag.errors import REBUILD, IndexFailed
from rag.index.chroma import LocalCollection, create_collection, open_collection
from rag.models.onnx import Array
from rag.types import chunk_paper

DATABASE = "chroma.sqlite3"
_NAME = "chunks"
HNSW = {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": 100}
_PAGE = 1000
_SYNCS = 8  # of a run: each writes the whole vector index
_MAX_PENDING = 10  # rows in the log: inserting one takes a few ms
_MAX_FREE = 0.25  # of the pages of the database
_MIN_SYNC = 2  # rows: what Chroma 1.5.9 accepts
_KEPT_AS_IT_IS = (
    "CREATE TRIGGER IF NOT EXISTS kept_as_it_is BEFORE INSERT ON acquire_write BEGIN SELECT RAISE(IGNORE); END"
)


@dataclass(frozen=True, slots=True)
class ChunkHit:
    """A retrieved chunk; `similarity` is the cosine, in [-1, 1]."""

    chunk_id: str
    similarity: float

    @property
    def paper_id(self) -> str:
        """The id of the chunk's paper."""
        return chunk_paper(self.chunk_id)


class VectorStore(Protocol):
    """The chunk vectors of one generation; raises IndexFailed where they cannot be used."""

    def write(self, chunk_ids: Sequence[str], vectors: Array, digests: Sequence[str]) -> None:
        """Add chunks that are not here, each with the digest of its paper; durable on return."""

    def remove(self, chunk_ids: Iterable[str]) -> None:
        """Remove chunks from the generation."""

    def ids(self) -> set[str]:
        """Return the ids of all chunks."""

    def paper_vectors(self) -> dict[str, Array]:
        """Return the normalized mean of each paper's chunk vectors, in the order of paper ids."""

    def search(self, vector: Array, count: int, admitted: Collection[str] | None = None) -> list[ChunkHit]:
        """Return the chunks nearest to a vector, by descending similarity and then by id.

        If `admitted` is given, only chunks with these ids are searched, all of which have to be here.
        """

    def compare(self, vector: Array, chunk_ids: Sequence[str]) -> list[ChunkHit]:
        """Return the similarities of chunks to a vector, in the order of `search`, computed exactly."""

    def close(self) -> None:
        """Close files or connections."""


class EmbeddedVectors:
    """The collection in one folder; opened by `open_vectors` or `create_vectors`."""

    def __init__(
        self, folder: Path, collection: LocalCollection, temporary: TemporaryDirectory[str] | None = None
    ) -> None:
        """Wrap the open collection of a folder; `temporary`, that of a temporary copy, is deleted on close."""
        self._folder = folder
        self._collection = collection
        self._close = finalize(self, _close, collection, temporary)

    def write(self, chunk_ids: Sequence[str], vectors: Array, digests: Sequence[str] = ()) -> None:
        """Add chunks that are not here; durable on return. The digests are not needed.

        Chroma 1.5.9 takes ten times as long to replace a row as to add one.
        """
        self._collection.upsert(chunk_ids, vectors.astype(np.float32, copy=False))

    def copy_from(self, other: EmbeddedVectors) -> None:
        """Copy all chunks of another store."""
        for ids in _pages(sorted(other.ids())):
            rows = other._get(ids, include=["embeddings"])
            self.write(rows["ids"], np.array(rows["embeddings"], np.float32))

    def remove(self, chunk_ids: Iterable[str]) -> None:
        """Delete chunks."""
        for ids in _pages(list(chunk_ids)):
            self._collection.delete(ids)

    def ids(self) -> set[str]:
        """Return the ids of all chunks."""
        return set(self._get()["ids"])

    def paper_vectors(self) -> dict[str, Array]:
        """Return the normalized mean of each paper's chunk vectors, in the order of paper ids.

        Chroma returns rows in no fixed order and floating-point sums depend on it, so chunks are added in id order.
        """
        rows: dict[str, Array] = {}
        for offset in range(0, self.count(), _PAGE):
            page = self._get(include=["embeddings"], limit=_PAGE, offset=offset)
            rows |= zip(page["ids"], page["embeddings"], strict=True)
        return mean_by_paper(rows)

    def count(self) -> int:
        """Return the number of chunks."""
        with self._reading():
            return int(self._collection.count())

    def search(self, vector: Array, count: int, admitted: Collection[str] | None = None) -> list[ChunkHit]:
        """Return the chunks nearest to a vector, by descending similarity and then by id.

        If `admitted` is given, only chunks with these ids are searched; Chroma fails if one is not here.
        """
        if admitted is not None and not admitted:
            return []
        among = None if admitted is None else sorted(admitted)
        with self._reading():
            rows = self._collection.query([vector], count, ["distances"], among)
        found = zip(rows["ids"][0], rows["distances"][0], strict=True)
        hits = [ChunkHit(chunk_id, 1 - distance) for chunk_id, distance in found]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.chunk_id))

    def compare(self, vector: Array, chunk_ids: Sequence[str]) -> list[ChunkHit]:
        """Return the similarities of chunks to a vector, in the order of `search`, computed exactly."""
        if not chunk_ids:
            return []
        rows = self._get(chunk_ids, include=["embeddings"])
        return compared(vector, dict(zip(rows["ids"], rows["embeddings"], strict=True)))

    def close(self) -> None:
        """Close the files; garbage collection of the store closes them too."""
        self._close()

    def _get(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        with self._reading():
            return self._collection.get(*arguments, **options)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # Chroma's errors share no base class
            raise _damaged(self._folder, error) from None


def compared(vector: Array, vectors: Mapping[str, Array]) -> list[ChunkHit]:
    """Return the cosines of a vector and others, given by chunk id, descending."""
    if not vectors:
        return []
    others = np.asarray(list(vectors.values()), np.float32)
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(vector)
    similarities = others @ np.asarray(vector, np.float32) / np.where(lengths > 0, lengths, 1)
    hits = [ChunkHit(*each) for each in zip(vectors, similarities.tolist(), strict=True)]
    return sorted(hits, key=lambda hit: (-hit.similarity, hit.chunk_id))


def mean_by_paper(vectors: Mapping[str, Array]) -> dict[str, Array]:
    """Return the normalized mean of each paper's vectors, given by chunk id, in the order of paper ids."""
    sums: dict[str, Any] = {}
    for paper_id, each in sorted((chunk_paper(each), each) for each in vectors):
        sums[paper_id] = sums.get(paper_id, 0) + np.asarray(vectors[each], np.float64)
    return {paper_id: _unit(total) for paper_id, total in sums.items()}


def open_vectors(folder: Path) -> EmbeddedVectors:
    """Open the collection in a folder; raises IndexFailed if it is missing or damaged.

    Chroma 1.5.9 opens a collection for writing; on a read-only disk it opens a temporary copy.
    """
    try:
        return _open(folder)
    except Exception:  # Chroma raises its Rust core's errors, which share no base class
        temporary = TemporaryDirectory(prefix="citedesk-", ignore_cleanup_errors=True)
    try:
        return _open(Path(shutil.copytree(folder, Path(temporary.name) / "vectors")), temporary)
    except Exception as error:
        temporary.cleanup()
        raise _damaged(folder, error) from None


def _open(folder: Path, temporary: TemporaryDirectory[str] | None = None) -> EmbeddedVectors:
    return EmbeddedVectors(folder, open_collection(folder, _NAME), temporary)


def _damaged(folder: Path, error: Exception) -> IndexFailed:
    return IndexFailed(f"The vectors in {folder} cannot be read ({error}). {REBUILD}")


def _close(collection: LocalCollection, temporary: TemporaryDirectory[str] | None) -> None:
    collection.close()
    if temporary:
        temporary.cleanup()


def create_vectors(folder: Path, expected: int = 0) -> EmbeddedVectors:
    """Open the collection in a folder for writing, created if missing; raises Chroma's errors.

    `expected` is roughly how many chunks will be written.
    """
    return EmbeddedVectors(folder, create_collection(folder, _NAME, HNSW, max(_MIN_SYNC, expected // _SYNCS)))


def finish_vectors(folder: Path) -> None:
    """Make the files ready for reading, which does not change them from then on; raises Chroma's errors.

    Rows that are only in Chroma's log, which whoever opens the collection has to insert into the vector index each
    time, are moved there. Chroma 1.5.9 adds a row to a table of its database, for a lock, whenever it is opened.
    """
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        (pending,) = database.execute("SELECT count(*) FROM embeddings_queue").fetchone()
        any_id = database.execute("SELECT embedding_id FROM embeddings LIMIT 1").fetchone()
    if any_id and pending > _MAX_PENDING:
        with closing(create_vectors(folder)) as store:
            store._collection.touch(any_id[0])
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        pages, free = (database.execute(f"PRAGMA {name}_count").fetchone()[0] for name in ("page", "freelist"))
        if free > _MAX_FREE * pages:
            database.execute("VACUUM")
        database.execute(_KEPT_AS_IT_IS)


def copy_vectors(source: Path, folder: Path) -> None:
    """Copy the collection of a generation, which readers may have open, to another folder."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(f"{DATABASE}*"))
    with closing(sqlite3.connect(source / DATABASE)) as old, closing(sqlite3.connect(folder / DATABASE)) as new:
        old.backup(new)


def _unit(vector: Any) -> Array:
    return np.asarray(vector / (np.linalg.norm(vector) or 1.0), np.float32)


def _pages(ids: list[str]) -> Iterable[list[str]]:
    for first in range(0, len(ids), _PAGE):
        yield ids[first : first + _PAGE]
