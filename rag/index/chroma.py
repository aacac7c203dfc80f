"""A Chroma collection in a folder, through Chroma's embedded core.

The core, `chromadb_rust_bindings`, is a module of the chromadb package. `chromadb.PersistentClient` calls it too, and
opens the same folder; importing that client takes 0.5 s (gRPC, OpenTelemetry, embedding functions) and 37 MB. The core
is not documented, so pyproject.toml allows only the patch releases of one version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.models.onnx import Array

_OF = ("default_tenant", "default_database")


class LocalCollection:
    """Ids and their vectors; its methods return what those of `chromadb.Collection` of the same names do."""

    def __init__(self, core: Any, collection_id: str) -> None:
        self._core = core
        self._id = collection_id

    def count(self) -> int:
        """Return the number of rows."""
        return int(self._core.count(self._id, *_OF))

    def get(
        self,
        ids: Sequence[str] | None = None,
        include: Sequence[str] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> dict[str, Any]:
        """Return the rows of some ids, or all, in no fixed order."""
        rows = self._core.get(self._id, _list(ids), None, limit, offset, None, list(include), *_OF)
        return {"ids": rows.ids, **{name: getattr(rows, name) for name in include}}

    def query(
        self,
        query_embeddings: Sequence[Array],
        n_results: int,
        include: Sequence[str],
        ids: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Return for each vector the rows nearest to it, of those of some ids, all of which have to be here."""
        found = self._core.query(self._id, _list(ids), query_embeddings, n_results, None, None, list(include), *_OF)
        return {"ids": found.ids, **{name: getattr(found, name) for name in include}}

    def upsert(self, ids: Sequence[str], embeddings: Array) -> None:
        """Write rows; durable on return."""
        for batch in _batches(len(ids), self._core.get_max_batch_size()):
            self._core.upsert(self._id, list(ids[batch]), list(embeddings[batch]), None, None, None, *_OF)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete rows."""
        for batch in _batches(len(ids), self._core.get_max_batch_size()):
            self._core.delete(self._id, list(ids[batch]), None, None, None, *_OF)

    def touch(self, row_id: str) -> None:
        """Write a row that changes nothing: it counts for `sync_threshold`."""
        self._core.update(self._id, [row_id], None, [{"touched": True}], None, None, *_OF)

    def close(self) -> None:
        """Close the files."""
        self._core = None


def open_collection(folder: Path, name: str) -> LocalCollection:
    """Open a collection that exists; raises Chroma's errors."""
    core = _open(folder)
    return LocalCollection(core, str(core.get_collection(name, *_OF).id))


def create_collection(folder: Path, name: str, hnsw: Mapping[str, Any], sync_threshold: int) -> LocalCollection:
    """Open a collection for vectors that its user computes, created if missing; raises Chroma's errors.

    `sync_threshold` is after how many written rows Chroma moves them from its log to the files of the vector index, all
    of which it then writes again.
    """
    core = _open(folder)
    hnsw = {**hnsw, "sync_threshold": sync_threshold}
    if not core.count_collections(*_OF):
        configuration = json.dumps({"hnsw": hnsw, "spann": None, "embedding_function": {"type": "legacy"}})
        return LocalCollection(core, str(core.create_collection(name, configuration, None, None, False, *_OF).id))
    found = core.get_collection(name, *_OF)
    if found.configuration["hnsw"] | hnsw != found.configuration["hnsw"]:
        core.update_collection(str(found.id), None, None, json.dumps({"hnsw": {"sync_threshold": sync_threshold}}))
    return LocalCollection(core, str(found.id))


def _open(folder: Path) -> Any:
    from chromadb_rust_bindings import Bindings, MigrationHash, MigrationMode, SqliteDBConfig

    folder.mkdir(parents=True, exist_ok=True)
    database = SqliteDBConfig(
        hash_type=MigrationHash.MD5, migration_mode=MigrationMode.Apply, url=str(folder / "chroma.sqlite3")
    )
    return Bindings(allow_reset=False, sqlite_db_config=database, persist_path=str(folder), hnsw_cache_size=1)


def _list(ids: Sequence[str] | None) -> list[str] | None:
    return None if ids is None else list(ids)


def _batches(rows: int, size: int) -> Iterator[slice]:
    for first in range(0, rows, size):
        yield slice(first, first + size)
