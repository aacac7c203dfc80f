"""Chunk vectors of one generation, in a Chroma collection of its own.

A row is a chunk: its vector, and as metadata the paper, the paper's digest and the chunk's offsets. Chroma acknowledges
a write when it is durable, so a resumed run finds here what a killed one had already encoded.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import finalize

import numpy as np

from rag.errors import REBUILD, IndexFailed
from rag.index.chroma import LocalCollection, create_collection, open_collection
from rag.models.encoder import TokenVectors
from rag.models.onnx import Array
from rag.types import Chunk, Paper

_NAME = "chunks"
_HNSW = {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": 100}
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class ChunkHit:
    """A retrieved chunk; `similarity` is the cosine, in [-1, 1]."""

    chunk_id: str
    paper_id: str
    start: int
    end: int
    similarity: float


@dataclass(frozen=True, slots=True)
class EmbeddedPaper:
    """An encoded paper: `vectors` has a row for each chunk, `tokens` those of all chunks."""

    paper: Paper
    digest: str
    chunks: tuple[Chunk, ...]
    vectors: Array
    tokens: TokenVectors


class VectorStore:
    """Reads and writes the collection in one folder; opened by `open_vectors` or `create_vectors`."""

    def __init__(self, collection: LocalCollection, temporary: TemporaryDirectory[str] | None = None) -> None:
        """Wrap an open collection; `temporary`, the folder of a temporary copy, is deleted on close."""
        self._collection = collection
        self._close = finalize(self, _close, collection, temporary)

    def write(self, papers: Sequence[EmbeddedPaper]) -> None:
        """Add the chunks of papers that have none here; durable on return."""
        self._collection.upsert(
            [chunk.chunk_id for each in papers for chunk in each.chunks],
            np.concatenate([each.vectors for each in papers]).astype(np.float32, copy=False),
            [_metadata(each, chunk) for each in papers for chunk in each.chunks],
        )

    def copy_from(self, other: VectorStore, paper_ids: Iterable[str]) -> None:
        """Copy papers' chunks from another store."""
        for ids in _pages(list(paper_ids)):
            rows = other._collection.get(where={"paper_id": {"$in": ids}}, include=["embeddings", "metadatas"])
            self._collection.upsert(rows["ids"], np.array(rows["embeddings"], np.float32), rows["metadatas"])

    def remove(self, paper_ids: Iterable[str]) -> None:
        """Delete papers' chunks."""
        for ids in _pages(list(paper_ids)):
            self._collection.delete(where={"paper_id": {"$in": ids}})

    def digests(self) -> dict[str, str | None]:
        """Return the digest of each paper with chunks here, or None if some of its chunks are missing."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for offset in range(0, self.count(), _PAGE):
            for row in self._collection.get(include=["metadatas"], limit=_PAGE, offset=offset)["metadatas"]:
                found.setdefault(row["paper_id"], []).append(row)
        return {paper_id: rows[0]["digest"] if len(rows) == rows[0]["of"] else None for paper_id, rows in found.items()}

    def paper_vectors(self) -> dict[str, Array]:
        """Return the normalized mean of each paper's chunk vectors, in the order of paper ids.

        Chroma returns rows in no fixed order and floating-point sums depend on it, so chunks are added in id order.
        """
        rows: list[tuple[str, str, Array]] = []
        for offset in range(0, self.count(), _PAGE):
            page = self._collection.get(include=["embeddings", "metadatas"], limit=_PAGE, offset=offset)
            paper_ids = (row["paper_id"] for row in page["metadatas"])
            rows += zip(paper_ids, page["ids"], page["embeddings"], strict=True)
        sums: dict[str, Any] = {}
        for paper_id, _, vector in sorted(rows, key=lambda row: row[:2]):
            sums[paper_id] = sums.get(paper_id, 0) + np.asarray(vector, np.float64)
        return {paper_id: _unit(total) for paper_id, total in sums.items()}

    def count(self) -> int:
        """Return the number of chunks."""
        return int(self._collection.count())

    def search(self, vector: Array, count: int, admitted: Collection[str] | None = None) -> list[ChunkHit]:
        """Return the chunks nearest to a vector, by descending similarity and then by id.

        If `admitted` is given, only chunks of papers with these ids are searched.
        """
        if admitted is not None and not admitted:
            return []  # Chroma 1.5.9 refuses an empty $in
        rows = self._collection.query(
            query_embeddings=[vector],
            n_results=count,
            where=None if admitted is None else {"paper_id": {"$in": sorted(admitted)}},
            include=["metadatas", "distances"],
        )
        hits = [
            ChunkHit(chunk_id, row["paper_id"], row["start"], row["end"], 1 - distance)
            for chunk_id, row, distance in zip(rows["ids"][0], rows["metadatas"][0], rows["distances"][0], strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.chunk_id))

    def close(self) -> None:
        """Close the files; garbage collection of the store closes them too."""
        self._close()


def open_vectors(folder: Path) -> VectorStore:
    """Open the collection in a folder; raises IndexFailed if it is missing or damaged.

    Chroma 1.5.9 writes to a collection even when reading; on a full or read-only disk it opens a temporary copy.
    """
    try:
        return _open(folder)
    except Exception:  # Chroma raises its Rust core's errors, which share no base class
        temporary = TemporaryDirectory(prefix="citedesk-", ignore_cleanup_errors=True)
    try:
        return _open(Path(shutil.copytree(folder, Path(temporary.name) / "vectors")), temporary)
    except Exception as error:
        temporary.cleanup()
        raise IndexFailed(f"The vectors in {folder} cannot be opened ({error}). {REBUILD}") from None


def _open(folder: Path, temporary: TemporaryDirectory[str] | None = None) -> VectorStore:
    return VectorStore(open_collection(folder, _NAME), temporary)


def _close(collection: LocalCollection, temporary: TemporaryDirectory[str] | None) -> None:
    collection.close()
    if temporary:
        temporary.cleanup()


def create_vectors(folder: Path) -> VectorStore:
    """Open the collection in a folder for writing, created if missing; raises Chroma's errors."""
    return VectorStore(create_collection(folder, _NAME, _HNSW))


def _metadata(paper: EmbeddedPaper, chunk: Chunk) -> dict[str, str | int]:
    return {
        "paper_id": paper.paper.paper_id,
        "digest": paper.digest,
        "start": chunk.start,
        "end": chunk.end,
        "of": len(paper.chunks),
    }


def _unit(vector: Any) -> Array:
    return np.asarray(vector / (np.linalg.norm(vector) or 1.0), np.float32)


def _pages(ids: list[str]) -> Iterable[list[str]]:
    for first in range(0, len(ids), _PAGE):
        yield ids[first : first + _PAGE]
