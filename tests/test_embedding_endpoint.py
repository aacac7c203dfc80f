"""Vectors from an OpenAI-compatible endpoint, against a local server that speaks its protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rag.cli.main import main
from rag.errors import ModelFailed, UsageError
from rag.models.embedding_endpoint import EndpointEmbedder
from rag.settings import Settings
from tests.fakes import CACHE_PAPER, PAPERS, HashEncoder
from tests.indexes import write_corpus


class EmbeddingServer(ThreadingHTTPServer):
    """Embeds by words; `answers` are statuses and bodies that it sends first."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingServer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, **request})
        self.server.keys.append(self.headers["Authorization"])
        status, text = self.server.answers.pop(0) if self.server.answers else (200, _embeddings(request["input"]))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


def _embeddings(texts: list[str]) -> str:
    found = HashEncoder().encode_documents([("", text) for text in texts])
    rows = [{"object": "embedding", "index": i, "embedding": (3 * x.vector).tolist()} for i, x in enumerate(found)]
    return json.dumps({"object": "list", "data": rows[::-1], "model": "words"})


@contextmanager
def serving(*answers: tuple[int, str]) -> Iterator[EmbeddingServer]:
    server = EmbeddingServer(*answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def embedder(server: EmbeddingServer, **values: Any) -> EndpointEmbedder:
    return EndpointEmbedder(Settings(embed_url=server.url + "/", embed_model="words", **values), waits=(0, 0))


def test_texts_are_embedded_in_their_order_some_in_a_request() -> None:
    texts = [f"paper number {i}" for i in range(40)]
    with serving() as server:
        found = embedder(server, embed_api_key="secret").encode_documents(texts)
        assert [len(each["input"]) for each in server.requests] == [32, 8]
        assert server.requests[0]["path"] == "/v1/embeddings"
        assert server.requests[0]["model"] == "words"
        assert server.keys == ["Bearer secret"] * 2
    expected = [each.vector for each in HashEncoder().encode_documents([("", text) for text in texts])]
    assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_busy_endpoint_is_asked_again() -> None:
    with serving((503, "loading"), (429, "slow down")) as server:
        assert embedder(server).encode_documents(["caches"]).shape == (1, 64)
        assert len(server.requests) == 3


def test_question_waits_only_once_for_a_busy_endpoint() -> None:
    with serving((503, "loading")) as server:
        assert embedder(server).encode_query("caches").shape == (64,)
    with serving(*[(503, "loading")] * 9) as server, pytest.raises(ModelFailed, match="answered 503: loading"):
        EndpointEmbedder(Settings(embed_url=server.url, embed_model="words"), waits=(0, 60)).encode_query("caches")
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (404, "no model named words", "answered 404: no model named words"),
        (401, "key sesame\r\nis\x1b[2J wrong <b>", r"answered 401: key … is\[2J wrong ‹b>"),
        (200, "<html>", "sent no JSON"),
        (200, '{"data": [{"index": 0}]}', "sent no embeddings"),
        (200, '{"data": []}', "sent 0 embeddings for 1 texts"),
        (200, '{"data": [{"index": 0, "embedding": [0, 0]}]}', "zero or not finite"),
        (200, f'{{"data": [{{"index": 0, "embedding": [1{"0" * 400}]}}]}}', "sent no embeddings"),
        (200, "[" * 100_000, "sent no JSON"),
        (200, " " * (2**20 + 1), "sent more than 1 MB"),
    ],
)
def test_unusable_answer_is_an_error_that_names_it(status: int, text: str, message: str) -> None:
    with serving((status, text)) as server, pytest.raises(ModelFailed, match=message) as failed:
        embedder(server, embed_api_key="sesame").encode_query("caches")
    assert len(str(failed.value).splitlines()) == 1


def test_endpoint_that_is_down_is_an_error_that_names_the_setting() -> None:
    with serving() as server:
        gone = embedder(server)
    with pytest.raises(ModelFailed, match=r"cannot be reached.*CITEDESK_EMBED_URL"):
        gone.encode_query("caches")


def test_endpoint_without_a_model_is_refused() -> None:
    with pytest.raises(UsageError, match="name the model that it serves in CITEDESK_EMBED_MODEL"):
        Settings(embed_url="http://127.0.0.1:8080/v1")
    with pytest.raises(UsageError, match="CITEDESK_EMBED_URL is not an http"):
        Settings(embed_url="127.0.0.1:8080", embed_model="words")


def test_index_and_search_take_their_vectors_from_the_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "papers.jsonl", PAPERS)
    monkeypatch.setenv("CITEDESK_EMBED_MODEL", "words")
    home = ["--home", str(tmp_path / "home")]
    with serving() as server:
        monkeypatch.setenv("CITEDESK_EMBED_URL", server.url)
        assert main(["index", "--quiet", *home, str(corpus)]) == 0
        assert sum(len(each["input"]) for each in server.requests) == len(PAPERS)
        capsys.readouterr()
        assert main(["search", "key-value caches on a server", "--json", "--fast", *home]) == 0
    assert json.loads(capsys.readouterr().out)["hits"][0]["paper_id"] == CACHE_PAPER.paper_id
    monkeypatch.setattr("rag.models.embedding_endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    assert main(["search", "key-value caches on a server", "--fast", *home]) == 1
    assert "CITEDESK_EMBED_URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "socks5://127.0.0.1:9"),
        ("HTTP_PROXY", "socks://x"),
        ("NO_PROXY", "[::1]/128"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
    ],
)
def test_environment_that_cannot_be_used_is_one_line_and_not_asked_for_this_machine(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ModelFailed, match="proxy variables, NO_PROXY or SSL_CERT_FILE are wrong"):
        EndpointEmbedder(Settings(embed_url="https://far.invalid/v1", embed_model="m"))
    with EmbeddingServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        embedder = EndpointEmbedder(Settings(embed_url=server.url, embed_model="m"))
        assert len(embedder.encode_query("caches")) > 0
        server.shutdown()
