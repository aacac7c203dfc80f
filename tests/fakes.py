"""Small real stand-ins: models without weights, an endpoint that speaks the OpenAI protocol, and a few papers."""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import numpy as np

from rag.corpus.reader import Corpus
from rag.errors import LLMFailed, ModelFailed
from rag.generation.writer import TokenCounter, Writer
from rag.index.generations import IndexFolder, Recipe
from rag.index.library import Library, open_library
from rag.index.papers import PaperStore
from rag.index.plan import BuildPlan
from rag.index.update import update_index
from rag.llm.protocol import ChatModel, Message, Reply
from rag.models.cross_encoder import PairScores
from rag.models.encoder import (
    FOLDER,
    EncodedDocument,
    EncodedQuestion,
    Encoder,
    Tagged,
    TokenVectors,
    load_encoder,
)
from rag.models.loading import Models, fingerprints
from rag.models.onnx import Array, l2_normalize
from rag.models.token_codec import DIMENSION, load_token_codec
from rag.query.names import LibraryNames
from rag.retrieval.scoring import Logistic, Ranker
from rag.settings import Settings
from rag.text.tokens import tokenize
from rag.types import ActionName, Evidence, FollowUp, Kind, Paper, Quote, TokenUsage
from rag.verification.judge import SentenceJudge
from rag.verification.written_answer import CheckedWriter
from tests.indexes import copy_index
from tests.timing import PATIENCE

CACHE_PAPER = Paper(
    paper_id="2401.00001",
    title="Small Caches",
    abstract=(
        "Key-value caches fill the memory of a server. We present Pebble, which prunes the KV cache and cuts its "
        "memory by 2.57times. Accuracy stays within 0.1 points on eight tasks."
    ),
    url="https://arxiv.org/abs/2401.00001",
    date="2024-01-05",
)
ROBOT_PAPER = Paper(
    paper_id="2305.00002",
    title="Walking Robots on Sand",
    abstract=(
        "Robots slip on sand. Our controller learns to walk on dunes in simulation. It falls in 25-40\\% fewer trials."
    ),
    url="https://arxiv.org/abs/2305.00002",
    date="2023-05",
)
QUANTUM_PAPER = Paper(
    paper_id="1804.00003",
    title="Qubits for Everyone",
    abstract="We review quantum circuits of shallow depth. Noise limits what they compute. Error mitigation helps.",
    url="https://arxiv.org/abs/1804.00003",
    date="2018-04-30",
)
PAPERS = (CACHE_PAPER, ROBOT_PAPER, QUANTUM_PAPER)
PEBBLE = replace(
    CACHE_PAPER,
    title="Pebble: Small Caches",
    authors=("Ada Quill", "Bo Tanaka"),
    authors_complete=True,
    venue="ICML 2024",
    code="https://example.org/pebble",
)
DUNE = replace(ROBOT_PAPER, title="Dune: Walking Robots on Sand", authors=("Cem Osei",), authors_complete=True)
QUBITS = replace(QUANTUM_PAPER, authors=("Ada Quill", "Dora Lind", "Eli Moss"), authors_complete=True)
REEF = Paper(
    "2406.00004",
    "Reef: Caches on Disk",
    "Reef keeps the KV cache on disk. It halves the memory of long prompts. Loading takes 12 ms.",
    date="2024-06",
)
SHELF = (PEBBLE, DUNE, QUBITS, REEF)
_QUESTION_TOKENS = 96
HASH_RECIPE = Recipe(fingerprints("hash")[0], chunk_tokens=30, chunk_overlap=8, embedder="hash")
EASY_RANKER = Ranker(
    relevance=Logistic({"lexical": 2.0, "maxsim": 2.0}, -2.5),
    reranked=Logistic({"relevance": 2.0, "belongs": 0.5}, 0.0),
    answerable=Logistic({}, 30.0),
    threshold=0.5,
)
"""Holds every question for answerable, and a paper for relevant if it has some of its words."""


def first_sentence(n: int, paper: Paper) -> Evidence:
    """Return a paper as evidence that quotes the first sentence of its abstract."""
    end = paper.abstract.index(".") + 1
    return Evidence(n, paper, (Quote(paper.abstract[:end], 0, end),))


EVIDENCE = tuple(first_sentence(n, paper) for n, paper in enumerate(PAPERS, start=1))


def ids(found: Iterable[Any]) -> list[str]:
    """Return the ids of the papers of hits, evidence or citations."""
    return [each.paper.paper_id for each in found]


class HashEncoder:
    """Encodes words as the hashed directions of their stems: texts that share words are near each other.

    `tags` gives the tag of phrases in a question; `kinds`, `follow_ups` and `actions` give its kind, its follow-up type
    and what it does behind an answer, a name or the probabilities by name, by the first of their phrases that it has.
    Case does not matter. `embedded` records the
    titles of texts that were encoded, `asked` the questions.
    """

    max_tokens = 512
    batch_size = 16

    def __init__(
        self,
        fails_on: str | None = None,
        tags: Mapping[str, str] = {},
        kinds: Mapping[str, str | Mapping[str, float]] = {},
        follow_ups: Mapping[str, str | Mapping[str, float]] = {},
        actions: Mapping[str, str | Mapping[str, float]] = {},
    ) -> None:
        self.embedded: list[str] = []
        self.asked: list[str] = []
        self.tags = dict(tags)
        self.kinds = dict(kinds)
        self.follow_ups = dict(follow_ups)
        self.actions = dict(actions)
        self._fails_on = fails_on

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[EncodedDocument]:
        if self._fails_on and any(self._fails_on in title + abstract for title, abstract in texts):
            raise ModelFailed("a text that it does not like")
        self.embedded += [title for title, _ in texts]
        return [self._document(title, abstract) for title, abstract in texts]

    def encode_question(self, text: str) -> EncodedQuestion:
        self.asked.append(text)
        words = list(re.finditer(r"\S+", text))
        truncated, words = len(words) >= _QUESTION_TOKENS, words[: _QUESTION_TOKENS - 1]
        return EncodedQuestion(
            text,
            _vector(text),
            np.stack([_direction(word) for word in ("[CLS]", *(match.group() for match in words))]),
            np.array([0.0] + [1.0] * len(words), np.float32),
            np.array([(-1, -1), *(match.span() for match in words)], np.int32),
            _chances(_first(self.kinds, text, "list"), get_args(Kind)),
            _chances(_first(self.follow_ups, text, "none"), get_args(FollowUp)),
            _chances(_first(self.actions, text, "new"), ("new", "ask", "refine", *get_args(ActionName))),
            tuple(self._tagged(text)),
            truncated,
        )

    def tokenize(self, text: str) -> list[int]:
        return [zlib.crc32(word.encode()) for word in text.split()]

    def _document(self, title: str, abstract: str) -> EncodedDocument:
        outside = ["[CLS]", *title.split()]
        inside = list(re.finditer(r"\S+", abstract))
        vectors = np.stack([_direction(word) for word in (*outside, *(match.group() for match in inside))])
        spans = [(-1, -1)] * len(outside) + [match.span() for match in inside]
        tokens = TokenVectors(load_token_codec(FOLDER).encode(vectors), np.array(spans, np.int32))
        return EncodedDocument(_vector(f"{title}. {abstract}"), tokens)

    def _tagged(self, text: str) -> list[Tagged]:
        found = [
            Tagged(match.start(), match.end(), tag, 0.95)
            for phrase, tag in self.tags.items()
            for match in re.finditer(re.escape(phrase), text, re.IGNORECASE)
        ]
        return sorted(found, key=lambda each: each.start)


class ReadingEncoder(HashEncoder):
    """Reads questions as the encoder that comes with Citedesk does, and compares them with papers by their words."""

    def encode_question(self, text: str) -> EncodedQuestion:
        read = _own_encoder().encode_question(text)
        return replace(
            super().encode_question(text),
            kinds=read.kinds,
            follow_ups=read.follow_ups,
            actions=read.actions,
            tags=read.tags,
        )


@cache
def _own_encoder() -> Encoder:
    return load_encoder()


def _first(known: Mapping[str, str | Mapping[str, float]], text: str, default: str) -> str | Mapping[str, float]:
    return next((value for phrase, value in known.items() if phrase.lower() in text.lower()), default)


def _chances(wanted: str | Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """Return the probabilities of all names: those given, or 0.93 for the one that is named."""
    if isinstance(wanted, str):
        return {name: 0.93 if name == wanted else 0.07 / (len(names) - 1) for name in names}
    return {name: wanted.get(name, 0.0) for name in names}


def _vector(text: str) -> Array:
    vector = np.full(64, 1e-3, np.float32)
    for term in tokenize(text):
        vector[zlib.crc32(term.encode()) % 64] += 1
    return l2_normalize(vector)


def _direction(word: str) -> Array:
    seed = zlib.crc32(" ".join(tokenize(word)).encode())
    return l2_normalize(np.random.default_rng(seed).normal(size=DIMENSION))


class HashCrossEncoder:
    """Scores a text by the share of the question's stems that it holds: a logit from -4 for none to 4 for all.

    A claim that a text supports with less than -1 is taken for a false one. A claim that negates what the text does not
    is contradicted as much as it would else be supported. The evidence of a word is 8 if the question has it, else -8.
    """

    cuts: Mapping[str, float | Sequence[float]] = {
        "belongs_platt": (1.0, 0.0),
        "answers_platt": (1.0, 0.0),
        "supports_platt": (1.0, 0.0),
        "supports_cut": 1.0,
    }

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def score(self, question: str, texts: Sequence[str]) -> PairScores:
        self.asked.append((question, list(texts)))
        wanted = set(tokenize(question))
        shares = [len(wanted & set(tokenize(text))) / max(len(wanted), 1) for text in texts]
        logits = np.array([8 * share - 4 for share in shares], np.float32)
        opposed = np.array([bool(_NEGATION.search(question)) and not _NEGATION.search(text) for text in texts], bool)
        words = [list(re.finditer(r"\S+", text)) for text in texts]
        return PairScores(
            logits,
            logits.copy(),
            np.where(opposed, np.float32(-20), np.where(logits < -1, 5 * logits, logits)),
            np.where(opposed, logits, np.float32(-4)),
            tuple(
                np.array([8.0 if wanted & set(tokenize(word.group())) else -8.0 for word in own], np.float32)
                for own in words
            ),
            tuple(np.array([word.span() for word in own], np.int32).reshape(-1, 2) for own in words),
        )


_NEGATION = re.compile(r"\b(?:no|not|never|cannot|without|fails?|neither|nor)\b", re.IGNORECASE)


def hash_models() -> Models:
    """Return the models that need no weights; their recipe is `HASH_RECIPE`, their setting "hash"."""
    return Models(HashEncoder(), HashCrossEncoder())


def reading_models() -> Models:
    """Return the models of `hash_models`, with questions read by the included encoder."""
    return Models(ReadingEncoder(), HashCrossEncoder())


def hash_settings(home: Path, **values: Any) -> Settings:
    """Return the settings of an index of `HASH_RECIPE`, with other settings as `values`."""
    return Settings(home=home, embed_model="hash", **values)


def library_names(
    authors: Iterable[str], venues: Iterable[str] = (), organisations: Iterable[str] = ()
) -> LibraryNames:
    """Return the names of a library of papers that have these."""
    papers = [Paper("authors", "", "", authors=tuple(authors))]
    papers += [Paper(venue, "", "", venue=venue) for venue in venues]
    papers += [Paper(each, "", "", organisation=each) for each in organisations]
    return LibraryNames(PaperStore.of(papers))


def hash_library(home: Path, papers: Sequence[Paper] = PAPERS) -> Library:
    """Index papers with the models that need no weights, and open the index; an index already there is updated."""
    request = BuildPlan(Corpus.of(papers), HASH_RECIPE, (), 2025, datetime(2026, 1, 2, tzinfo=UTC))

    def build(folder: Path) -> None:
        update_index(IndexFolder(folder), request, hash_models)

    if (home / "index").exists():
        build(home)
    else:
        copy_index(("hash", tuple(papers)), build, home)
    return open_library(hash_settings(home))


def word_writer(settings: Settings, chat: ChatModel | None = None) -> CheckedWriter:
    """Return a writer that judges and counts by words, over a chat model or else the configured endpoint."""
    from rag.llm.client import open_chat  # only needed where a test has an endpoint

    writer = Writer(settings, TokenCounter(str.split), lambda: chat or open_chat(settings))
    return CheckedWriter(writer, SentenceJudge(HashCrossEncoder()))


@dataclass
class ScriptedChat:
    """A chat model without an endpoint: returns `replies` in order, or the result of calling it with the messages.

    A reply that is an error is raised, after `shown` has been streamed. Text is streamed in pieces of `piece`
    characters. Each call counts as 10 prompt tokens, 2 completion tokens and a second. `asked` and `limits` record the
    messages and token limits of the calls.
    """

    replies: Sequence[str | Reply | LLMFailed] | Callable[[Sequence[Message]], str | Reply | LLMFailed] = ()
    shown: str = ""
    piece: int = 5
    name: str = "small-model"
    usage: TokenUsage = TokenUsage()
    asked: list[Sequence[Message]] = field(default_factory=list)
    limits: list[int | None] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    _lock: Any = field(default_factory=threading.Lock)

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, Reply]:
        reply = self._next(messages, max_tokens)
        if isinstance(reply, LLMFailed):
            if self.shown:
                yield self.shown
            raise reply
        for start in range(0, len(reply.text), self.piece):
            yield reply.text[start : start + self.piece]
        return reply

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        reply = self._next(messages, max_tokens)
        if isinstance(reply, LLMFailed):
            raise reply
        return reply

    def close(self) -> None:
        self.closed.set()

    def _next(self, messages: Sequence[Message], max_tokens: int | None) -> Reply | LLMFailed:
        with self._lock:
            n = len(self.asked)
            self.asked.append(messages)
            self.limits.append(max_tokens)
            self.usage += TokenUsage(1, 10, 2, 1.0)
        reply = self.replies(messages) if callable(self.replies) else self.replies[n]
        return Reply(reply) if isinstance(reply, str) else reply


@dataclass
class ScriptedEndpoint:
    """An OpenAI-compatible server on loopback: streams `pieces` as an answer, or misbehaves as its fields say.

    `status`, `body` and `redirect` are those of every reply, `models` the names that it lists. A stream breaks off
    before piece `cut_after`, and is silent before piece `silent_after` until `released` is set. `requests` and `keys`
    record what was sent; `closed_early` is set where the client left a stream, `ended` where a stream ended at all.
    """

    pieces: Sequence[str] = ("Pebble prunes the KV cache [1].",)
    finish_reason: str | None = "stop"
    status: int = 200
    body: bytes = b""
    cut_after: int | None = None
    silent_after: int | None = None
    pause: float = 0.0  # seconds before each piece
    redirect: str | None = None
    models: Sequence[str] = ("small-model",)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    closed_early: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> ScriptedEndpoint:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.script = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"


class _Server(ThreadingHTTPServer):
    script: ScriptedEndpoint


class _Handler(BaseHTTPRequestHandler):
    """Answers as the server's script says."""

    server: _Server

    def do_GET(self) -> None:
        self._send(200, json.dumps({"data": [{"id": name, "object": "model"} for name in self.server.script.models]}))

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.script.requests.append(request)
        self.server.script.keys.append(self.headers["Authorization"])
        if self.server.script.status != 200 or self.server.script.body:
            self._send(self.server.script.status, self.server.script.body.decode())
        elif request.get("stream"):
            self._stream()
        else:
            message = {"role": "assistant", "content": "".join(self.server.script.pieces)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._send(200, json.dumps({"id": "1", "object": "chat.completion", "choices": [choice]}))

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if self.server.script.redirect:
            self.send_header("Location", self.server.script.redirect)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            for i, piece in enumerate(self.server.script.pieces):
                if i == self.server.script.silent_after:
                    self.server.script.released.wait(PATIENCE)
                if i == self.server.script.cut_after:
                    return
                time.sleep(self.server.script.pause)
                self._event({"index": 0, "delta": {"content": piece}, "finish_reason": None})
            self._event({"index": 0, "delta": {}, "finish_reason": self.server.script.finish_reason})
            self._event(None, {"prompt_tokens": 70, "completion_tokens": 7, "total_tokens": 77})
            self.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            self.server.script.closed_early.set()
        finally:
            self.server.script.ended.set()

    def _event(self, choice: dict[str, Any] | None, usage: dict[str, int] | None = None) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "small-model"}
        chunk |= {"choices": [choice] if choice else [], "usage": usage}
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass
