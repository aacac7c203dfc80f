"""Reading the vectors of an index back."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexFailed
from rag.index.generations import VECTORS, IndexFolder
from rag.index.library import Library
from rag.index.vectors import DATABASE, create_vectors, finish_vectors, open_vectors
from tests.fakes import PEBBLE, hash_library
from tests.leaks import open_files
from tests.timing import wait_until


def test_paper_has_the_mean_of_its_chunks_at_unit_length(tmp_path: Path) -> None:
    library = hash_library(tmp_path, [replace(PEBBLE, abstract=PEBBLE.abstract * 3)])
    rows = library.vectors._collection.get(include=["embeddings"])["embeddings"]
    mean = np.mean(rows, axis=0)
    assert len(rows) > 1
    assert np.allclose(library.vectors.paper_vectors()["2401.00001"], mean / np.linalg.norm(mean), atol=1e-6)
    library.close()


def test_vectors_come_in_the_order_of_their_papers_ids(shelf: Library) -> None:
    vectors = shelf.vectors.paper_vectors()
    assert list(vectors) == ["1804.00003", "2305.00002", "2401.00001", "2406.00004"]
    assert [round(float(np.linalg.norm(vector)), 5) for vector in vectors.values()] == [1.0, 1.0, 1.0, 1.0]


def test_finished_collection_has_its_rows_in_the_vector_index(tmp_path: Path) -> None:
    vectors = np.random.default_rng(2).normal(size=(300, 100)).astype(np.float32)
    ids = [f"p{i}#0" for i in range(300)]
    store = create_vectors(tmp_path, expected=3000)
    store.write(ids, vectors)
    store.close()
    (rows,) = tmp_path.glob("*/data_level0.bin")
    before, database = rows.stat().st_size, (tmp_path / DATABASE).stat().st_size
    finish_vectors(tmp_path)
    assert rows.stat().st_size > 2 * before
    assert (tmp_path / DATABASE).stat().st_size < database
    store = open_vectors(tmp_path)
    assert store.search(vectors[7], 1)[0].chunk_id == "p7#0"
    store.close()


def test_store_that_nobody_holds_any_more_has_closed_its_files(tmp_path: Path) -> None:
    library = hash_library(tmp_path)
    library.vectors.count()
    assert open_files(tmp_path) or not Path("/proc/self/fd").is_dir()
    del library
    gc.collect()
    wait_until(lambda: not open_files(tmp_path))


def test_folder_without_a_collection_is_left_with_no_file_open(tmp_path: Path) -> None:
    with pytest.raises(IndexFailed, match="cannot be read"):
        open_vectors(tmp_path)
    wait_until(lambda: not open_files(tmp_path))


def test_folder_that_cannot_be_opened_leaves_the_open_ones_to_be_closed(tmp_path: Path) -> None:
    hash_library(tmp_path).close()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "chroma.sqlite3").write_bytes(b"garbage" * 100)
    store = open_vectors(IndexFolder(tmp_path).current() / VECTORS)
    with pytest.raises(IndexFailed, match="cannot be read"):
        open_vectors(tmp_path / "damaged")
    assert store.count() == 3
    store.close()
    wait_until(lambda: not open_files(tmp_path))


def test_threads_may_open_and_close_the_same_folder(tmp_path: Path) -> None:
    hash_library(tmp_path).close()
    folder = IndexFolder(tmp_path).current() / VECTORS

    def counted(_: int) -> int:
        store = open_vectors(folder)
        try:
            return store.count()
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(counted, range(40))) == {3}
