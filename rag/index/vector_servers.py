"""Vectors on a server instead of in the index folder: Chroma's server, or Qdrant.

A row has an id and a unit vector. Whoever writes rows gives the same id to the same vector only, so none is ever
changed, and several generations of an index share the rows that they have in common.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit
from weakref import finalize

import numpy as np

from rag.errors import IndexFailed, UsageError
from rag.index.vectors import HNSW
from rag.models.onnx import Array
from rag.settings import Settings

_BATCH = 1000  # rows in a request
_TIMEOUT = 60  # seconds
_NAMESPACE = uuid.UUID("7f1c6f0e-4c0a-5f52-9a53-6a1d3b1f6c11")  # Qdrant's ids are UUIDs

Row = tuple[str, float]
"""A row's id and its cosine, in [-1, 1]."""
Connect = Callable[[str], "VectorServer"]
"""Opens the collection of a name, created if it is missing; raises IndexFailed."""


class VectorServer(Protocol):
    """One collection on a server; raises IndexFailed where that cannot be used."""

    def add(self, ids: Sequence[str], vectors: Array) -> None:
        """Add rows; those that are there remain. Durable on return."""

    def nearest(self, vector: Array, count: int, among: Sequence[str] | None = None) -> list[Row]:
        """Return the rows nearest to a vector, of those with some ids or of all."""

    def vectors(self, ids: Sequence[str]) -> dict[str, Array]:
        """Return the vectors of those of some rows that are there."""

    def ids(self) -> Iterator[str]:
        """Yield the ids of all rows."""

    def delete(self, ids: Sequence[str]) -> None:
        """Delete those of some rows that are there."""

    def drop(self) -> None:
        """Delete the whole collection."""

    def close(self) -> None:
        """Close the connection."""


def connector(settings: Settings) -> Connect | None:
    """Return what opens a collection on the configured server; None where vectors are kept in the index folder."""
    if settings.chroma_url:
        return partial(_open_chroma, settings.chroma_url)
    if settings.qdrant_url:
        return partial(_open_qdrant, settings.qdrant_url, settings.qdrant_api_key)
    return None


def server_kind(settings: Settings) -> str:
    """Return the name of the kind of server that is configured, "" for none."""
    return "Chroma's server" if settings.chroma_url else "Qdrant" if settings.qdrant_url else ""


class ChromaServer:
    """A collection of Chroma's server."""

    def __init__(self, client: Any, collection: str, url: str) -> None:
        """`client` is a chromadb client; the collection is created if it is missing."""
        self._client, self._url = client, url
        self._close = finalize(self, _close_chroma, client)
        self._collection = client.get_or_create_collection(
            collection, configuration={"hnsw": HNSW}, embedding_function=None
        )

    def add(self, ids: Sequence[str], vectors: Array) -> None:
        """Add rows; Chroma 1.5.9's `add` passes over ids that are there."""
        with _reporting(self._url):
            for first in range(0, len(ids), _BATCH):
                part = slice(first, first + _BATCH)
                self._collection.add(ids=list(ids[part]), embeddings=vectors[part].astype(np.float32))

    def nearest(self, vector: Array, count: int, among: Sequence[str] | None = None) -> list[Row]:
        """Return the rows nearest to a vector."""
        if among is not None and not among:
            return []
        with _reporting(self._url):
            found = self._collection.query(
                query_embeddings=[vector],
                n_results=count,
                ids=None if among is None else list(among),
                include=["distances"],
            )
        return [(row, 1 - distance) for row, distance in zip(found["ids"][0], found["distances"][0], strict=True)]

    def vectors(self, ids: Sequence[str]) -> dict[str, Array]:
        """Return vectors by id."""
        vectors: dict[str, Array] = {}
        with _reporting(self._url):
            for part in _pages(ids):
                found = self._collection.get(part, include=["embeddings"])
                vectors |= zip(found["ids"], np.asarray(found["embeddings"], np.float32), strict=True)
        return vectors

    def ids(self) -> Iterator[str]:
        """Yield all ids."""
        with _reporting(self._url):
            for offset in range(0, self._collection.count(), _BATCH):
                yield from self._collection.get(include=[], limit=_BATCH, offset=offset)["ids"]

    def delete(self, ids: Sequence[str]) -> None:
        """Delete rows."""
        with _reporting(self._url):
            for part in _pages(ids):
                self._collection.delete(part)

    def drop(self) -> None:
        """Delete the collection."""
        with _reporting(self._url):
            self._client.delete_collection(self._collection.name)

    def close(self) -> None:
        """Close the connection; garbage collection closes it too."""
        self._close()


class QdrantServer:
    """A collection of Qdrant, which has float32 vectors and is created with the first rows.

    A collection that exists is taken as it is: who wants shards, replicas or quantization creates it beforehand.
    """

    def __init__(self, client: Any, collection: str, url: str) -> None:
        """`client` is a client of the library qdrant-client."""
        self._client, self._collection, self._url = client, collection, url
        self._exists = bool(client.collection_exists(collection))

    def add(self, ids: Sequence[str], vectors: Array) -> None:
        """Add rows."""
        from qdrant_client.models import Batch, Distance, VectorParams

        with _reporting(self._url):
            if not self._exists:
                form = VectorParams(size=vectors.shape[1], distance=Distance.COSINE)
                self._client.create_collection(self._collection, vectors_config=form)
                self._exists = True
            for first in range(0, len(ids), _BATCH):
                own = ids[first : first + _BATCH]
                points = Batch(
                    ids=_uuids(own),
                    vectors=vectors[first : first + _BATCH].tolist(),
                    payloads=[{"row": row} for row in own],
                )
                self._client.upsert(self._collection, points, wait=True)

    def nearest(self, vector: Array, count: int, among: Sequence[str] | None = None) -> list[Row]:
        """Return the rows nearest to a vector."""
        from qdrant_client.models import Filter, HasIdCondition

        if among is not None and not among:
            return []
        admitted = None if among is None else Filter(must=[HasIdCondition(has_id=_uuids(among))])
        with _reporting(self._url):
            found = self._client.query_points(
                self._collection, query=vector.tolist(), limit=count, query_filter=admitted, with_payload=True
            )
        return [(point.payload["row"], point.score) for point in found.points]

    def vectors(self, ids: Sequence[str]) -> dict[str, Array]:
        """Return vectors by id."""
        vectors: dict[str, Array] = {}
        with _reporting(self._url):
            for part in _pages(ids):
                found = self._client.retrieve(self._collection, _uuids(part), with_vectors=True)
                vectors |= {point.payload["row"]: np.asarray(point.vector, np.float32) for point in found}
        return vectors

    def ids(self) -> Iterator[str]:
        """Yield all ids."""
        after = None
        with _reporting(self._url):
            while self._exists:
                found, after = self._client.scroll(self._collection, limit=_BATCH, offset=after)
                yield from (point.payload["row"] for point in found)
                if after is None:
                    return

    def delete(self, ids: Sequence[str]) -> None:
        """Delete rows."""
        with _reporting(self._url):
            for part in _pages(ids) if self._exists else ():
                self._client.delete(self._collection, _uuids(part), wait=True)

    def drop(self) -> None:
        """Delete the collection."""
        with _reporting(self._url):
            self._client.delete_collection(self._collection)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _open_chroma(url: str, collection: str) -> ChromaServer:
    from chromadb import HttpClient  # 1 s of imports
    from chromadb.config import Settings as ChromaSettings

    # Chroma 1.5.9 would read the user's .env as its own settings.
    own = ChromaSettings(_env_file=None, anonymized_telemetry=False)
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    with _reporting(url):
        client = HttpClient(parts.hostname or "", parts.port or (443 if secure else 80), ssl=secure, settings=own)
        return ChromaServer(client, collection, url)


def _close_chroma(client: Any) -> None:
    sessions = [each._server._session for each in (client, client._admin_client)]
    client.close()
    for each in sessions:
        each.close()  # Chroma 1.5.9 leaves their connections open


def _open_qdrant(url: str, key: str | None, collection: str) -> QdrantServer:
    try:
        from qdrant_client import QdrantClient
    except ImportError:
        raise UsageError(
            "CITEDESK_QDRANT_URL is set, but qdrant-client is not installed. Run `pip install 'citedesk[qdrant]'`."
        ) from None
    with _reporting(url):
        return QdrantServer(QdrantClient(url=url, api_key=key, timeout=_TIMEOUT), collection, url)


@contextmanager
def _reporting(url: str) -> Iterator[None]:
    """Turn the errors of a client, which share no base class, into IndexFailed."""
    try:
        yield
    except (IndexFailed, UsageError, GeneratorExit):
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise IndexFailed(f"The vectors at {url} cannot be used ({reason}). Is the server running?") from error


def _uuids(ids: Sequence[str]) -> list[str]:
    return [str(uuid.uuid5(_NAMESPACE, row)) for row in ids]


def _pages(ids: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(ids), _BATCH):
        yield list(ids[first : first + _BATCH])
