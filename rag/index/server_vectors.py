"""Chunk vectors of a generation on a server, in a collection that the generations of an index share.

A row is named by a chunk and the digest of its paper, so a changed paper gets rows of its own beside the old ones. A
generation consists of the rows whose papers and digests are in its database of papers: a reader passes over all others,
whatever a run beside it adds, and an update is complete at the moment at which its generation becomes the current one.
Rows are deleted once no generation that is kept has them.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rag.corpus.files import write_atomic
from rag.errors import REBUILD, IndexFailed
from rag.index.generations import VECTORS
from rag.index.papers import open_papers
from rag.index.vector_servers import Connect, VectorServer
from rag.index.vectors import ChunkHit, compared, mean_by_paper
from rag.models.onnx import Array
from rag.types import chunk_id, chunk_paper

_COLLECTION = "collection"  # the file with the name of a generation's collection
_VERSION = 16  # characters of a digest in the id of a row
_MARGIN = 8  # rows more than are wanted: some may be of papers as they were or will be


class Digests(Protocol):
    """The papers of a generation."""

    def digests(self, paper_ids: Iterable[str] | None = None) -> dict[str, str]:
        """Return the digests of those of some papers that are in the generation, or of all."""


class ServerVectors:
    """The rows of one generation; a VectorStore."""

    def __init__(self, server: VectorServer, papers: Digests) -> None:
        self._server = server
        self._papers = papers

    def write(self, chunk_ids: Sequence[str], vectors: Array, digests: Sequence[str]) -> None:
        """Add chunks; durable on return."""
        self._server.add(list(map(_row, chunk_ids, digests)), vectors)

    def remove(self, chunk_ids: Iterable[str]) -> None:
        """Leave the rows to the generations before, which may still be read; `forget_rows` deletes them."""

    def ids(self) -> set[str]:
        """Return the ids of all chunks, for which the whole collection is listed."""
        return set(map(_chunk, self._own(self._server.ids(), self._papers.digests())))

    def paper_vectors(self) -> dict[str, Array]:
        """Return the normalized mean of each paper's chunk vectors, in the order of paper ids."""
        rows = list(self._own(self._server.ids(), self._papers.digests()))
        return mean_by_paper({_chunk(row): vector for row, vector in self._server.vectors(rows).items()})

    def search(self, vector: Array, count: int, admitted: Collection[str] | None = None) -> list[ChunkHit]:
        """Return the chunks nearest to a vector, by descending similarity and then by id."""
        among = None if admitted is None else self._rows(admitted)
        wanted = count + _MARGIN
        while True:
            rows = dict(self._server.nearest(vector, wanted, among))
            own = list(self._own(rows, self._papers.digests({chunk_paper(_chunk(row)) for row in rows})))
            if len(own) >= count or len(rows) < wanted:
                hits = [ChunkHit(_chunk(row), rows[row]) for row in own]
                return sorted(hits, key=lambda hit: (-hit.similarity, hit.chunk_id))[:count]
            wanted *= 2

    def compare(self, vector: Array, chunk_ids: Sequence[str]) -> list[ChunkHit]:
        """Return the similarities of chunks to a vector, in the order of `search`."""
        vectors = self._server.vectors(self._rows(chunk_ids))
        return compared(vector, {_chunk(row): each for row, each in vectors.items()})

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _rows(self, chunk_ids: Collection[str]) -> list[str]:
        """Return the rows of chunks of the generation, sorted."""
        digests = self._papers.digests({chunk_paper(each) for each in chunk_ids})
        return [_row(each, digests[chunk_paper(each)]) for each in sorted(chunk_ids)]

    def _own(self, rows: Iterable[str], digests: Mapping[str, str]) -> Iterator[str]:
        """Yield the rows whose papers have these digests."""
        for row in rows:
            chunk, _, version = row.rpartition("@")
            if digests.get(chunk_paper(chunk), "")[:_VERSION] == version:
                yield row


def open_server_vectors(folder: Path, papers: Digests, connect: Connect) -> ServerVectors:
    """Open the collection that a generation's folder names; raises IndexFailed."""
    try:
        name = (folder / _COLLECTION).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise IndexFailed(f"{folder} names no collection ({error}). {REBUILD}") from None
    return ServerVectors(connect(name), papers)


def create_server_vectors(folder: Path, papers: Digests, connect: Connect) -> ServerVectors:
    """Open the collection that a folder names, or one with a new name; raises IndexFailed."""
    if not (folder / _COLLECTION).exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / _COLLECTION, f"citedesk-{uuid.uuid4().hex[:16]}\n")
    return open_server_vectors(folder, papers, connect)


@dataclass(frozen=True, slots=True)
class ServerRows:
    """The rows of a generation, and the name of the collection that has them."""

    collection: str
    rows: frozenset[str]


def rows_of(generation: Path) -> ServerRows | None:
    """Return the rows of a generation; None if it is damaged, or has its vectors in its folder."""
    try:
        name = (generation / VECTORS / _COLLECTION).read_text(encoding="utf-8").strip()
        with closing(open_papers(generation)) as papers:
            digests, counts = papers.digests(), zip(papers.ids, papers.places["chunks"].tolist(), strict=True)
            rows = (_row(chunk_id(each, i), digests[each]) for each, count in counts for i in range(count))
            return ServerRows(name, frozenset(rows))
    except (OSError, IndexFailed):
        return None


def forget_rows(gone: ServerRows, kept: Iterable[Path], connect: Connect) -> None:
    """Delete the rows of a generation that no longer exists, except those of generations that are kept.

    A collection that none of these has is dropped. Raises IndexFailed.
    """
    others = [each.rows for each in map(rows_of, kept) if each and each.collection == gone.collection]
    with closing(connect(gone.collection)) as server:
        if others:
            server.delete(sorted(gone.rows.difference(*others)))
        else:
            server.drop()


def _row(chunk: str, digest: str) -> str:
    return f"{chunk}@{digest[:_VERSION]}"


def _chunk(row: str) -> str:
    return row.rpartition("@")[0]
