"""Vectors on a server: what readers of each generation see, what remains there, and the servers themselves."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from rag.cli.main import main
from rag.corpus.reader import Corpus
from rag.errors import IndexFailed, UsageError
from rag.index.generations import VECTORS, IndexFolder
from rag.index.library import open_library
from rag.index.papers import open_papers
from rag.index.plan import BuildPlan
from rag.index.server_vectors import ServerVectors, open_server_vectors
from rag.index.update import BuildSummary, update_index
from rag.index.vector_servers import QdrantServer, Row, VectorServer
from rag.models.loading import Models
from rag.models.onnx import Array
from rag.settings import Settings
from rag.types import Paper
from tests.fakes import (
    CACHE_PAPER,
    HASH_RECIPE,
    PAPERS,
    QUANTUM_PAPER,
    ROBOT_PAPER,
    HashEncoder,
    hash_models,
    hash_settings,
)
from tests.indexes import write_corpus
from tests.timing import PATIENCE

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WORDS = "sand stones snow grass stairs wood mud ice".split()
SWIMMING = replace(ROBOT_PAPER, abstract="Robots now swim in the sea. They float well.")


class MemoryServer:
    """A VectorServer in memory that fails after `writes` of them."""

    def __init__(self) -> None:
        self.rows: dict[str, Array] = {}
        self.writes: int | None = None
        self.dropped = False

    def add(self, ids: Sequence[str], vectors: Array) -> None:
        if self.writes is not None:
            if not self.writes:
                raise IndexFailed("the server is down")
            self.writes -= 1
        self.rows = dict(zip(ids, vectors, strict=True)) | self.rows

    def nearest(self, vector: Array, count: int, among: Sequence[str] | None = None) -> list[Row]:
        known = self.rows if among is None else among
        rows = [(row, float(self.rows[row] @ vector)) for row in known]
        return sorted(rows, key=lambda row: -row[1])[:count]

    def vectors(self, ids: Sequence[str]) -> dict[str, Array]:
        return {row: self.rows[row] for row in ids if row in self.rows}

    def ids(self) -> Iterator[str]:
        yield from self.rows

    def delete(self, ids: Sequence[str]) -> None:
        for row in ids:
            self.rows.pop(row, None)

    def drop(self) -> None:
        self.dropped = True
        self.rows.clear()

    def close(self) -> None:
        pass


class Indexer:
    """Updates one index whose vectors are on servers in memory, an hour apart."""

    def __init__(self, home: Path) -> None:
        self.folder = IndexFolder(home)
        self.servers: dict[str, MemoryServer] = {}
        self.encoder = HashEncoder()
        self.runs = 0

    def connect(self, name: str) -> VectorServer:
        return self.servers.setdefault(name, MemoryServer())

    def run(self, papers: Sequence[Paper], rebuild: bool = False) -> BuildSummary:
        self.runs += 1
        self.encoder.embedded.clear()
        recipe = replace(HASH_RECIPE, server="memory")
        corpus, now = Corpus.of(papers), NOW + timedelta(hours=self.runs)
        plan = BuildPlan(corpus, recipe, ("/corpus",), 2025, now, rebuild, connect=self.connect)
        return update_index(self.folder, plan, lambda: Models(self.encoder))

    def reader(self) -> ServerVectors:
        generation = self.folder.current()
        return open_server_vectors(generation / VECTORS, open_papers(generation), self.connect)

    @property
    def server(self) -> MemoryServer:
        return next(each for each in self.servers.values() if not each.dropped)


@pytest.fixture
def indexer(tmp_path: Path) -> Indexer:
    return Indexer(tmp_path)


def found(reader: ServerVectors, text: str, count: int = 1) -> list[str]:
    return [hit.paper_id for hit in reader.search(HashEncoder().encode_question(text).vector, count)]


def papers_of(server: MemoryServer) -> set[str]:
    return {row.partition("#")[0] for row in server.rows}


def test_reader_sees_its_own_generation_while_and_after_the_next_is_built(indexer: Indexer) -> None:
    indexer.run(PAPERS)
    before = indexer.reader()
    flying = HashEncoder().encode_documents([(ROBOT_PAPER.title, ROBOT_PAPER.abstract)])[0].vector
    swimming = HashEncoder().encode_documents([(SWIMMING.title, SWIMMING.abstract)])[0].vector
    old = before.search(flying, 1)[0]

    indexer.run([CACHE_PAPER, SWIMMING])

    after = indexer.reader()
    assert before.search(flying, 1) == [old]
    assert before.search(swimming, 1)[0].similarity < 0.99
    assert after.search(swimming, 1)[0].similarity == pytest.approx(1, abs=0.05)
    assert after.search(flying, 1)[0].similarity < old.similarity
    assert QUANTUM_PAPER.paper_id in before.paper_vectors()
    assert set(after.paper_vectors()) == {CACHE_PAPER.paper_id, ROBOT_PAPER.paper_id}


def test_only_what_changed_is_encoded_and_added(indexer: Indexer) -> None:
    indexer.run(PAPERS)
    rows = set(indexer.server.rows)

    summary = indexer.run([CACHE_PAPER, SWIMMING])

    assert summary.replaced == 1
    assert set(indexer.encoder.embedded) == {SWIMMING.title}
    assert {row.partition("#")[0] for row in set(indexer.server.rows) - rows} == {SWIMMING.paper_id}


def test_rows_go_with_the_last_generation_that_has_them(indexer: Indexer) -> None:
    indexer.run([CACHE_PAPER, ROBOT_PAPER])
    indexer.run([CACHE_PAPER, QUANTUM_PAPER])
    assert papers_of(indexer.server) == {each.paper_id for each in (CACHE_PAPER, ROBOT_PAPER, QUANTUM_PAPER)}

    indexer.run([QUANTUM_PAPER])

    assert papers_of(indexer.server) == {CACHE_PAPER.paper_id, QUANTUM_PAPER.paper_id}
    assert len(indexer.servers) == 1


def test_rebuild_begins_a_collection_and_drops_the_old_one_with_its_last_generation(indexer: Indexer) -> None:
    indexer.run(PAPERS)
    first = indexer.server
    indexer.run(PAPERS, rebuild=True)
    assert not first.dropped
    indexer.run(PAPERS[:2])

    assert first.dropped
    assert papers_of(indexer.server) == {each.paper_id for each in PAPERS}


def test_run_that_loses_its_server_keeps_what_it_has_and_is_resumed(indexer: Indexer) -> None:
    many = [replace(ROBOT_PAPER, paper_id=f"r{i}", title=f"Robot {i}") for i in range(20)]
    indexer.run(PAPERS)
    reader = indexer.reader()
    indexer.server.writes = 1

    with pytest.raises(IndexFailed, match="the server is down"):
        indexer.run([*PAPERS, *many])
    assert found(reader, CACHE_PAPER.title) == found(indexer.reader(), CACHE_PAPER.title) == [CACHE_PAPER.paper_id]
    assert len(indexer.encoder.embedded) == 20

    indexer.server.writes = None
    assert indexer.run([*PAPERS, *many]).added == 20
    assert len(indexer.encoder.embedded) == 4


def test_search_is_limited_to_the_chunks_that_are_admitted(indexer: Indexer) -> None:
    indexer.run(PAPERS)
    vector = HashEncoder().encode_question(CACHE_PAPER.abstract).vector
    reader = indexer.reader()

    admitted = [each for each in reader.ids() if not each.startswith(CACHE_PAPER.paper_id)]

    assert {hit.chunk_id for hit in reader.search(vector, 99, admitted)} == set(admitted)
    assert reader.search(vector, 5, []) == []


def test_index_elsewhere_than_the_settings_say_is_an_error(tmp_path: Path) -> None:
    plan = BuildPlan(Corpus.of(PAPERS), HASH_RECIPE, (), 2025, NOW)
    update_index(IndexFolder(tmp_path), plan, hash_models)

    with pytest.raises(IndexFailed, match="kept in the index folder, but the settings name Chroma's server"):
        open_library(hash_settings(tmp_path, chroma_url="http://127.0.0.1:1"))


def test_server_that_is_down_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CITEDESK_CHROMA_URL", "http://127.0.0.1:9")
    corpus = write_corpus(tmp_path / "papers.jsonl", PAPERS)
    assert main(["index", "--quiet", "--home", str(tmp_path / "home"), str(corpus)]) == 1
    assert "The vectors at http://127.0.0.1:9 cannot be used" in capsys.readouterr().err


def test_two_servers_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="Remove one of them"):
        Settings(chroma_url="http://127.0.0.1:8000", qdrant_url="http://127.0.0.1:6333")


def check_server(server: VectorServer) -> None:
    """Check what all servers have to do, with 1,500 random vectors."""
    random = np.random.default_rng(5).standard_normal((1500, 64)).astype(np.float32)
    vectors: Array = random / np.linalg.norm(random, axis=1, keepdims=True)
    ids = [f"p{i}#0@{i:04x}" for i in range(len(vectors))]
    assert list(server.ids()) == []
    server.delete(["nothing"])
    server.add(ids, vectors)
    server.add(ids[:10], vectors[:10])

    exact = np.argsort(-(vectors @ vectors[7]))[:20]
    rows = server.nearest(vectors[7], 20)
    assert rows[0] == (ids[7], pytest.approx(1, abs=1e-4))
    assert len({row for row, _ in rows} & {ids[i] for i in exact}) >= 19
    assert {row for row, _ in server.nearest(vectors[7], 20, ids[50:53])} == set(ids[50:53])
    assert server.nearest(vectors[7], 20, []) == []
    assert np.allclose(server.vectors([ids[3], "nothing"])[ids[3]], vectors[3], atol=1e-5)
    assert sorted(server.ids()) == sorted(ids)
    server.delete([*ids[:1400], "nothing"])
    assert sorted(server.ids()) == sorted(ids[1400:])
    server.drop()
    server.close()


def test_qdrant_in_this_process_keeps_rows() -> None:
    client = pytest.importorskip("qdrant_client").QdrantClient(":memory:")
    check_server(QdrantServer(client, "citedesk-test", "memory"))


def test_index_in_qdrant_is_updated_for_new_readers_only(indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = pytest.importorskip("qdrant_client").QdrantClient(":memory:")
    monkeypatch.setattr(client, "close", lambda: None)
    monkeypatch.setattr(indexer, "connect", lambda name: QdrantServer(client, name, "memory"))
    indexer.run(PAPERS)
    before = indexer.reader()
    for papers in ([CACHE_PAPER, SWIMMING], [SWIMMING]):
        indexer.run(papers)

    swimming = HashEncoder().encode_documents([(SWIMMING.title, SWIMMING.abstract)])[0].vector
    (hit,) = indexer.reader().search(swimming, 5)

    assert (hit.paper_id, hit.similarity) == (SWIMMING.paper_id, pytest.approx(1, abs=0.05))
    assert indexer.reader().compare(swimming, [hit.chunk_id])[0].similarity == pytest.approx(hit.similarity, abs=1e-4)
    assert {each.paper_id for each in before.search(swimming, 5)} == {CACHE_PAPER.paper_id}


@pytest.fixture
def chroma_url(tmp_path: Path) -> Iterator[str]:
    """Start Chroma's server."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chroma = Path(sys.executable).with_name("chroma")
    command = [str(chroma), "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(tmp_path / "server")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        due = time.monotonic() + PATIENCE
        while time.monotonic() < due:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.slow
def test_chroma_server_keeps_rows(chroma_url: str) -> None:
    from rag.index.vector_servers import connector

    connect = connector(Settings(chroma_url=chroma_url))
    assert connect
    check_server(connect("citedesk-test"))


@pytest.mark.slow
def test_index_search_and_ask_on_a_server_are_as_in_the_index_folder(
    tmp_path: Path, chroma_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    robots = [
        replace(
            ROBOT_PAPER,
            paper_id=f"r{i}",
            title=f"Walking on {WORDS[i % 8]} and {WORDS[i // 8]}",
            url=f"https://example.org/{i}",
            abstract=f"{i} robots walk on {WORDS[i % 8]} {WORDS[i // 8]}.",
        )
        for i in range(60)
    ]
    corpus = write_corpus(tmp_path / "papers.jsonl", [*robots, *PAPERS])
    printed = []
    for url in ("", chroma_url):
        monkeypatch.setenv("CITEDESK_CHROMA_URL", url)
        home = ["--home", str(tmp_path / ("server" if url else "folder"))]
        assert main(["index", "--quiet", *home, str(corpus)]) == 0
        edited = write_corpus(tmp_path / "edited.jsonl", [*robots[1:], SWIMMING, *PAPERS[:1]])
        assert main(["index", "--quiet", *home, str(edited)]) == 0
        capsys.readouterr()
        assert main(["search", "robots that swim in the sea", "--json", "--fast", "-k", "10", *home]) == 0
        hits = json.loads(capsys.readouterr().out)["hits"]
        assert main(["ask", "how much memory do key-value caches save?", "--json", "--no-llm", "--fast", *home]) == 0
        printed.append((hits, json.loads(capsys.readouterr().out)))
    (own, own_answer), (other, other_answer) = printed
    assert own[0]["paper_id"] == other[0]["paper_id"] == SWIMMING.paper_id
    assert len({hit["paper_id"] for hit in own} & {hit["paper_id"] for hit in other}) >= 8
    assert own_answer["answer"] == other_answer["answer"]
    assert own_answer["citations"] == other_answer["citations"]
