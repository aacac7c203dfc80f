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
from threading import RLock
from typing import Any
from weakref import finalize

import numpy as np

from rag.errors import REBUILD, IndexFailed
from rag.models.encoder import TokenVectors
from rag.models.onnx import Array
from rag.types import Chunk, Paper

_NAME = "chunks"
_HNSW = {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": 100}
_PAGE = 1000
_REGISTRY = RLock()  # Chroma 1.5.9 shares clients of one path in a registry that is not thread-safe


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

    def __init__(self, client: Any, collection: Any, temporary: TemporaryDirectory[str] | None = None) -> None:
        """Wrap an open collection; `temporary`, the folder of a temporary copy, is deleted on close."""
        self._client = client
        self._collection = collection
        # Chroma 1.5.9 keeps a client that is not closed, with a dozen open files, until the process ends.
        self._close = finalize(self, _close, client, temporary)

    def write(self, papers: Sequence[EmbeddedPaper]) -> None:
        """Add the chunks of papers that have none here; durable on return."""
        self._upsert(
            [chunk.chunk_id for each in papers for chunk in each.chunks],
            np.concatenate([each.vectors for each in papers]),
            [_metadata(each, chunk) for each in papers for chunk in each.chunks],
        )

    def copy_from(self, other: VectorStore, paper_ids: Iterable[str]) -> None:
        """Copy papers' chunks from another store."""
        for ids in _pages(list(paper_ids)):
            rows = other._collection.get(where={"paper_id": {"$in": ids}}, include=["embeddings", "metadatas"])
            self._upsert(rows["ids"], rows["embeddings"], rows["metadatas"])

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

    def _upsert(self, ids: Sequence[str], vectors: Any, metadatas: Sequence[Mapping[str, Any]]) -> None:
        from chromadb.utils.batch_utils import create_batches

        vectors = np.asarray(vectors, np.float32)
        for batch in create_batches(self._client, ids=list(ids), embeddings=vectors, metadatas=list(metadatas)):
            self._collection.upsert(ids=batch[0], embeddings=batch[1], metadatas=batch[2])


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
    client = _client(folder)
    try:
        collection = client.get_collection(_NAME, embedding_function=None)
    except Exception:
        client.close()
        raise
    return VectorStore(client, collection, temporary)


def _close(client: Any, temporary: TemporaryDirectory[str] | None) -> None:
    with _REGISTRY:
        client.close()
    if temporary:
        temporary.cleanup()


def create_vectors(folder: Path) -> VectorStore:
    """Open the collection in a folder for writing, created if missing; raises Chroma's errors."""
    client = _client(folder)
    # No embedding function: Chroma's default one downloads a model.
    collection = client.get_or_create_collection(_NAME, configuration={"hnsw": _HNSW}, embedding_function=None)
    return VectorStore(client, collection)


def _client(folder: Path) -> Any:
    from chromadb import PersistentClient  # slow to import
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings

    # Chroma 1.5.9 would read the user's .env as its own settings.
    settings = Settings(_env_file=None, anonymized_telemetry=False)
    with _REGISTRY:
        try:
            return PersistentClient(str(folder), settings)
        except Exception:
            if str(folder) not in SharedSystemClient._identifier_to_refcount:
                # Or it would keep returning the half-initialized client of this path.
                SharedSystemClient._identifier_to_system.pop(str(folder), None)
            raise


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
