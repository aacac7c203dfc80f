"""Papers that were encoded elsewhere: their files, the index that is built from them, and the job that writes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rag.cli.main import main
from rag.corpus.reader import Corpus
from rag.corpus.records import paper_digest
from rag.errors import CorpusError
from rag.index import bulk
from rag.index.blocks import block_path, read_blocks, write_block
from rag.index.embedding import embed, make_chunker
from rag.index.generations import TOKEN_VECTORS, VECTORS, IndexFolder, Recipe
from rag.index.plan import BuildPlan
from rag.index.token_vectors import VECTORS as TOKENS
from rag.index.update import BuildSummary, update_index
from rag.index.vectors import open_vectors
from rag.models.loading import Models
from rag.models.token_codec import ROW_BYTES
from rag.settings import Settings
from rag.types import Paper
from tests.fakes import CACHE_PAPER, HASH_RECIPE, PAPERS, ROBOT_PAPER, HashEncoder, hash_models
from tests.indexes import write_corpus

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def encode(folder: Path, papers: Sequence[Paper], recipe: Recipe = HASH_RECIPE) -> Path:
    models = hash_models()
    digests = {paper.paper_id: paper_digest(paper) for paper in papers}
    embedded = list(embed(papers, digests, make_chunker(recipe, models), models, []))
    write_block(folder, recipe, list(digests.values()), embedded)
    return block_path(folder, recipe, list(digests.values()))


def index(home: Path, embedded: Path | None, encoder: HashEncoder, papers: Sequence[Paper] = PAPERS) -> BuildSummary:
    plan = BuildPlan(Corpus.of(papers), HASH_RECIPE, (), 2025, NOW, embedded=embedded)
    return update_index(IndexFolder(home), plan, lambda: Models(encoder))


def vectors(home: Path) -> tuple[dict[str, list[float]], list[bytes]]:
    """Return the vector of each paper and all token vectors, sorted."""
    generation = IndexFolder(home).current()
    with closing(open_vectors(generation / VECTORS)) as store:
        by_paper = {paper_id: vector.tolist() for paper_id, vector in store.paper_vectors().items()}
    rows = (generation / TOKEN_VECTORS / TOKENS).read_bytes()
    return by_paper, sorted(rows[first : first + ROW_BYTES] for first in range(0, len(rows), ROW_BYTES))


def test_index_from_blocks_is_that_of_the_encoder(tmp_path: Path) -> None:
    blocks = tmp_path / "blocks"
    blocks.mkdir()
    encode(blocks, PAPERS[:2])
    encode(blocks, PAPERS[2:])
    encoder = HashEncoder()

    assert index(tmp_path / "own", None, HashEncoder()).added == len(PAPERS)
    assert index(tmp_path / "other", blocks, encoder).added == len(PAPERS)

    assert encoder.embedded == []
    assert vectors(tmp_path / "own") == vectors(tmp_path / "other")


def test_paper_that_has_changed_since_is_encoded(tmp_path: Path) -> None:
    encode(tmp_path, PAPERS)
    edited = replace(ROBOT_PAPER, abstract="Robots now swim. They float well.")
    encoder = HashEncoder()

    index(tmp_path / "home", tmp_path, encoder, [CACHE_PAPER, edited])

    assert set(encoder.embedded) == {ROBOT_PAPER.title}


def test_blocks_of_another_recipe_are_passed_over_but_not_those_for_another_place(tmp_path: Path) -> None:
    encode(tmp_path, PAPERS)

    assert list(read_blocks(tmp_path, replace(HASH_RECIPE, chunk_tokens=31))) == []
    assert len(list(read_blocks(tmp_path, replace(HASH_RECIPE, server="Qdrant", format=99)))) == 1


def test_folder_without_blocks_and_damaged_ones_are_errors(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no encoded papers"):
        list(read_blocks(tmp_path, HASH_RECIPE))
    path = encode(tmp_path, PAPERS)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CorpusError, match=r"is damaged.*Delete it"):
        list(read_blocks(tmp_path, HASH_RECIPE))


def test_worker_encodes_records_and_names_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = Models(HashEncoder(fails_on=CACHE_PAPER.title))
    monkeypatch.setattr(bulk, "load_index_models", lambda settings: models)
    monkeypatch.setattr(bulk, "index_recipe", lambda settings: HASH_RECIPE)
    block = json.dumps([bulk.paper_to_record(paper) for paper in PAPERS])

    done = bulk.BlockEncoder(Settings(), tmp_path)({"block": np.array([block])})

    assert done["papers"].tolist() == [len(PAPERS) - 1]
    assert done["failed"][0].startswith(f"{CACHE_PAPER.paper_id}: ")
    digests = {paper.paper_id: paper_digest(paper) for paper in PAPERS}
    assert block_path(tmp_path, HASH_RECIPE, list(digests.values())).exists()


@pytest.mark.slow
def test_job_on_two_workers_of_ray_is_resumed_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    corpus, out = write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "blocks"

    def job() -> object:
        small = "ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 << 20, log_to_driver=False)"
        command = f"import ray, sys; {small}; from rag.index.bulk import main; sys.exit(main(sys.argv[1:]))"
        given = [str(corpus), "--out", str(out), "--workers", "2", "--block", "1"]
        own = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", command, *given], env=os.environ | own, stdout=subprocess.PIPE, text=True, check=True
        )
        return json.loads(done.stdout.splitlines()[-1])

    assert job() == {"blocks": 3, "there": 0, "papers": 3, "failed": []}
    next(out.glob("*.npz")).unlink()
    assert job() == {"blocks": 3, "there": 2, "papers": 1, "failed": []}
    monkeypatch.setattr("rag.models.loading.load_encoder", lambda folder: pytest.fail("the encoder was loaded"))
    assert main(["index", "--quiet", "--home", str(tmp_path / "home"), "--embedded", str(out), str(corpus)]) == 0
