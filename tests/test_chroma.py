"""Chroma's core, against the public client of the same collection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.index.chroma import LocalCollection, create_collection, open_collection

VECTORS: NDArray[np.float32] = np.random.default_rng(1).normal(size=(6000, 4)).astype(np.float32)
IDS = [f"chunk {i}" for i in range(len(VECTORS))]
HNSW = {"space": "cosine", "ef_construction": 50, "max_neighbors": 8, "ef_search": 100}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    collection = create_collection(folder, "chunks", HNSW, 1000)
    collection.upsert(IDS, VECTORS)  # more than Chroma takes at once
    collection.close()
    return folder


@pytest.fixture
def opened(folder: Path) -> Iterator[LocalCollection]:
    collection = open_collection(folder, "chunks")
    yield collection
    collection.close()


@pytest.fixture
def public(folder: Path) -> Iterator[Any]:
    """The same collection, opened by chromadb itself."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(folder), Settings(_env_file=None, anonymized_telemetry=False))
    yield client.get_collection("chunks", embedding_function=None)
    client.close()


def test_chromas_own_client_opens_the_collection_with_its_configuration(public: Any) -> None:
    assert public.count() == 6000
    configuration = public.configuration_json["hnsw"]
    assert {name: configuration[name] for name in HNSW} == HNSW


@pytest.mark.parametrize("ids", [None, IDS[::5]])
def test_search_finds_what_chromas_own_client_finds(
    opened: LocalCollection, public: Any, ids: list[str] | None
) -> None:
    asked: dict[str, Any] = {"query_embeddings": [VECTORS[5]], "n_results": 20, "include": ["distances"]}
    found, expected = opened.query(**asked, ids=ids), public.query(**asked, ids=ids)
    assert len(found["ids"][0]) == 20
    assert {name: expected[name] for name in found} == found


def test_rows_are_read_as_they_were_written(opened: LocalCollection) -> None:
    rows = opened.get(IDS[5998:], include=["embeddings"])
    order = np.argsort(rows["ids"])
    assert [rows["ids"][i] for i in order] == IDS[5998:]
    assert np.allclose(np.array(rows["embeddings"])[order], VECTORS[5998:], atol=1e-6)  # Chroma normalizes them


def test_pages_have_each_row_once(opened: LocalCollection) -> None:
    ids = [each for offset in range(0, 6000, 2500) for each in opened.get(limit=2500, offset=offset)["ids"]]
    assert sorted(ids) == sorted(IDS)


def test_deleted_rows_are_gone(tmp_path: Path) -> None:
    collection = create_collection(tmp_path, "chunks", HNSW, 1000)
    collection.upsert(IDS[:20], VECTORS[:20])
    collection.delete(IDS[3:7])
    assert collection.count() == 16
    collection.close()


def test_rows_reach_the_files_of_the_vector_index_at_the_threshold(tmp_path: Path) -> None:
    collection = create_collection(tmp_path, "chunks", HNSW, 1000)
    collection.upsert(IDS[:300], VECTORS[:300])
    collection.close()
    (rows,) = tmp_path.glob("*/data_level0.bin")
    before = rows.stat().st_size
    collection = create_collection(tmp_path, "chunks", HNSW, 2)
    collection.touch(IDS[0])
    collection.close()
    assert rows.stat().st_size > before
