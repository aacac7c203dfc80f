"""The vectors of one generation, in a Chroma collection of its own.

A row is a chunk: its vector, and as metadata the paper, the paper's digest, and the chunk's place. Chroma
acknowledges a write when it is durable, so a run that was killed finds here what it had already embedded.
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
from rag.models.encoder import Vectors
from rag.models.token_encoder import TokenVectors
from rag.types import Chunk, Paper

_NAME = "chunks"
_HNSW = {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": 100}
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class ChunkHit:
    """A chunk near a question; `similarity` is the cosine, in [-1, 1]."""

    chunk_id: str
    paper_id: str
    start: int
    end: int
    similarity: float


@dataclass(frozen=True, slots=True)
class EmbeddedPaper:
    """A paper ready to be written: `vectors` has a row for each chunk; `tokens` is for the index that keeps them."""

    paper: Paper
    digest: str
    chunks: tuple[Chunk, ...]
    vectors: Vectors
    tokens: TokenVectors | None = None


class VectorStore:
    """Reads and writes the collection in one folder; create it with `open_vectors`.

    `copy` is the temporary folder that the collection was copied to, if it was; it is deleted on closing.
    """

    def __init__(self, client: Any, collection: Any, copy: TemporaryDirectory[str] | None = None) -> None:
        self._client = client
        self._collection = collection
        # Chroma 1.5.9 keeps each client that is not closed, with a dozen open files, until the process ends.
        self._close = finalize(self, _close, client, copy)

    def write(self, papers: Sequence[EmbeddedPaper]) -> None:
        """Add the chunks of papers that have none here; they are durable on return."""
        self._upsert(
            [chunk.chunk_id for each in papers for chunk in each.chunks],
            np.concatenate([each.vectors for each in papers]),
            [_metadata(each, chunk) for each in papers for chunk in each.chunks],
        )

    def copy_from(self, other: VectorStore, paper_ids: Iterable[str]) -> None:
        """Take over papers' chunks as another store has them."""
        for ids in _pages(list(paper_ids)):
            rows = other._collection.get(where={"paper_id": {"$in": ids}}, include=["embeddings", "metadatas"])
            self._upsert(rows["ids"], rows["embeddings"], rows["metadatas"])

    def remove(self, paper_ids: Iterable[str]) -> None:
        """Delete papers' chunks."""
        for ids in _pages(list(paper_ids)):
            self._collection.delete(where={"paper_id": {"$in": ids}})

    def digests(self) -> dict[str, str | None]:
        """Map each paper that has chunks here to its digest, or to None where some of its chunks are missing."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for offset in range(0, self.count(), _PAGE):
            for row in self._collection.get(include=["metadatas"], limit=_PAGE, offset=offset)["metadatas"]:
                found.setdefault(row["paper_id"], []).append(row)
        return {paper_id: rows[0]["digest"] if len(rows) == rows[0]["of"] else None for paper_id, rows in found.items()}

    def paper_vectors(self) -> dict[str, Vectors]:
        """Map each paper to the mean of its chunks' vectors, at unit length; the papers come in the order of their ids.

        Chroma returns rows in an order of its own, and sums depend on theirs, so chunks are added by their ids.
        """
        rows: list[tuple[str, str, Vectors]] = []
        for offset in range(0, self.count(), _PAGE):
            page = self._collection.get(include=["embeddings", "metadatas"], limit=_PAGE, offset=offset)
            paper_ids = (row["paper_id"] for row in page["metadatas"])
            rows += zip(paper_ids, page["ids"], page["embeddings"], strict=True)
        sums: dict[str, Any] = {}
        for paper_id, _, vector in sorted(rows, key=lambda row: row[:2]):
            sums[paper_id] = sums.get(paper_id, 0) + np.asarray(vector, np.float64)
        return {paper_id: _unit(total) for paper_id, total in sums.items()}

    def count(self) -> int:
        """Count the chunks."""
        return int(self._collection.count())

    def search(self, vector: Vectors, count: int, admitted: Collection[str] | None = None) -> list[ChunkHit]:
        """Find the chunks nearest to a vector, nearest first; ties go to the smaller id.

        Where paper ids are given as `admitted`, only chunks of those papers are found.
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
        """Close the files; they are also closed when the store is garbage-collected."""
        self._close()

    def _upsert(self, ids: Sequence[str], vectors: Any, metadatas: Sequence[Mapping[str, Any]]) -> None:
        from chromadb.utils.batch_utils import create_batches

        vectors = np.asarray(vectors, np.float32)
        for batch in create_batches(self._client, ids=list(ids), embeddings=vectors, metadatas=list(metadatas)):
            self._collection.upsert(ids=batch[0], embeddings=batch[1], metadatas=batch[2])


def open_vectors(folder: Path) -> VectorStore:
    """Open the collection in a folder; raises IndexFailed where it is not there or damaged.

    Chroma 1.5.9 writes to a collection even to read it; where it cannot, on a full or read-only disk, it gets a copy.
    """
    try:
        return _existing(folder)
    except Exception:  # Chroma raises its Rust core's errors, which share no base
        copy = TemporaryDirectory(prefix="citedesk-", ignore_cleanup_errors=True)
    try:
        return _existing(Path(shutil.copytree(folder, Path(copy.name) / "vectors")), copy)
    except Exception as error:
        copy.cleanup()
        raise IndexFailed(f"The vectors in {folder} cannot be opened ({error}). {REBUILD}") from None


def _existing(folder: Path, copy: TemporaryDirectory[str] | None = None) -> VectorStore:
    client = _client(folder)
    try:
        collection = client.get_collection(_NAME, embedding_function=None)
    except Exception:
        client.close()
        raise
    return VectorStore(client, collection, copy)


def create_vectors(folder: Path) -> VectorStore:
    """Open the collection in a folder for writing, making it where there is none; raises what Chroma raises."""
    client = _client(folder)
    # Without an embedding function of its own: the default one fetches a model from the network.
    collection = client.get_or_create_collection(_NAME, configuration={"hnsw": _HNSW}, embedding_function=None)
    return VectorStore(client, collection)


def _client(folder: Path) -> Any:
    from chromadb import PersistentClient  # slow to import
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings

    # Chroma 1.5.9 would read the user's .env as its own settings.
    settings = Settings(_env_file=None, anonymized_telemetry=False)
    try:
        return PersistentClient(str(folder), settings)
    except Exception:
        SharedSystemClient.clear_system_cache()  # it would hand out the half-made client of this path for ever
        raise


def _close(client: Any, copy: TemporaryDirectory[str] | None) -> None:
    client.close()
    if copy:
        copy.cleanup()


def _metadata(paper: EmbeddedPaper, chunk: Chunk) -> dict[str, str | int]:
    return {
        "paper_id": paper.paper.paper_id,
        "digest": paper.digest,
        "start": chunk.start,
        "end": chunk.end,
        "of": len(paper.chunks),
    }


def _unit(vector: Any) -> Vectors:
    return np.asarray(vector / (np.linalg.norm(vector) or 1.0), np.float32)


def _pages(ids: list[str]) -> Iterable[list[str]]:
    for first in range(0, len(ids), _PAGE):
        yield ids[first : first + _PAGE]
