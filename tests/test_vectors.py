"""Reading the vectors of an index back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rag.index.library import Library
from tests.fakes import PEBBLE, hash_library


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
