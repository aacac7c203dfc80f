"""Targets of fuzzing: what reads files, replies, requests and gold questions, each with what must hold of any bytes.

A target reads bytes; it raises AssertionError where something does not hold, or whatever error gets out. `fuzz.py`
looks for such bytes, and `test_fuzz.py` reads again what it has found.
"""

from __future__ import annotations

import asyncio
import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest

from eval.gold.questions import GoldError, load_gold
from rag.answer import Checked, Citation, Cited, Token
from rag.corpus.reader import read_corpus
from rag.corpus.records import paper_from_record, paper_to_record, restore_paper
from rag.errors import CorpusError, UsageError
from rag.llm.reasoning import LeakedReasoning, ReasoningFilter
from rag.llm.reply import excerpt, find_object, is_refusal, printable
from rag.llm.stream import ErrorEvent, NotAStream, ReplyReader, StreamDecoder, StreamError
from rag.query.turns import read_turns
from rag.render.document import write_papers
from rag.text.citation_markers import MARKER, MarkerScanner, substitute_markers, without_any_markers
from rag.types import ExportForm
from rag.verification.checked_text import CheckedText
from rag.verification.judge import SentenceJudge
from rag.verification.repair import failed, pieces_with, struck
from tests.fakes import DUNE, PEBBLE, QUANTUM_PAPER, SHELF, HashCrossEncoder, first_sentence
from tests.serving import shelf_engine
from ui.api.app import make_api

SEEDS = Path(__file__).parent / "data" / "fuzz_seeds.jsonl"

Target = Callable[[bytes], None]

_LONGEST_WORD = 300  # characters; a longer one is shown in parts
_BY_ID = {paper.paper_id: paper for paper in SHELF}
_SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "array", "items": {"type": "string"}}}}


def seeds() -> Iterator[tuple[str, bytes]]:
    """Yield the name of a target and an input for it; a line spells each byte as the character of its number."""
    for line in SEEDS.read_text(encoding="utf-8").splitlines():
        target, text = json.loads(line)
        yield target, text.encode("latin-1")


def _pieces(text: Any, salt: int) -> Iterator[Any]:
    """Yield a text in pieces, always the same for the same text."""
    chance = random.Random(zlib.crc32(repr(text).encode()) + salt)
    longest = chance.choice((1, 2, 5, 17))
    at = 0
    while at < len(text):
        size = chance.randint(1, longest)
        yield text[at : at + size]
        at += size


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# Files of papers


@contextmanager
def papers() -> Iterator[Target]:
    """Files of papers: read, stored and exported without loss, or refused by a CorpusError."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "papers"

        def check(data: bytes) -> None:
            path.write_bytes(data)
            try:
                corpus = read_corpus([path], 2026)
            except CorpusError as error:
                str(error).encode()
                return
            for paper in corpus.papers:
                record = paper_to_record(paper)
                assert json.loads(json.dumps(record)) == record
                assert paper_from_record(record) == restore_paper(record) == paper
                assert paper.title.strip() and paper.abstract == paper.abstract.strip()
            for form in get_args(ExportForm):
                write_papers(form, [Citation(None, paper) for paper in corpus.papers], whole=True).encode()
            exported = "".join(f"{json.dumps(paper_to_record(paper))}\n" for paper in corpus.papers)
            path.write_text(exported, encoding="utf-8")
            assert len(read_corpus([path], 2026).papers) == len(corpus.papers)

        yield check


# Markers and checked text


@contextmanager
def replies() -> Iterator[Target]:
    """Replies: markers and sentences are the same however the text is cut, and cite what the model was sent."""
    evidence = [first_sentence(n, paper) for n, paper in enumerate((PEBBLE, DUNE, QUANTUM_PAPER), start=1)]
    judge = SentenceJudge(HashCrossEncoder())

    def read(pieces: Sequence[str]) -> CheckedText:
        text = CheckedText(evidence, judge, "Which?")
        shown, known, sentences = "", 0, []
        for event in [event for piece in pieces for event in text.feed(piece)] + list(text.end()):
            if isinstance(event, Token):
                shown += event.text
                assert {int(number) for number in MARKER.findall(shown)} <= set(range(1, known + 1))
            elif isinstance(event, Cited):
                known += 1
                assert event.citation.n == known
            elif isinstance(event, Checked):
                assert 0 <= event.sentence.start < event.sentence.end <= len(shown)
                assert set(event.sentence.citations) <= set(range(1, known + 1))
                sentences.append(event.sentence)
        assert shown == text.text
        assert sentences == text.sentences
        return text

    def check(data: bytes) -> None:
        reply = _text(data)
        scanner = MarkerScanner(lambda found, before: "[1]")
        pieces = list(_pieces(reply, 0))
        scanned = "".join(map(scanner.feed, pieces)) + scanner.flush()
        assert scanned == substitute_markers(reply, lambda found, before: "[1]")
        without_any_markers(reply)
        whole, cut = read([reply]), read(pieces)
        if max(map(len, reply.split()), default=0) > _LONGEST_WORD:
            return
        assert (cut.text, cut.unknown_markers, cut.cited) == (whole.text, whole.unknown_markers, whole.cited)
        assert set(cut.sentences) == set(whole.sentences)
        spans = sorted((each.start, each.end) for each in whole.sentences)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
        shown, moved = struck(whole.text, whole.sentences)
        assert shown.replace("~~", "") == whole.text.replace("~~", "")
        assert len(moved) == len(whole.sentences)
        broken = {each: "" for each in failed(whole.text, whole.sentences)}
        read([piece for piece, _ in pieces_with(whole.text, broken, whole.cited)])

    yield check


# Streams of endpoints


def _decoded(pieces: Sequence[bytes]) -> tuple[list[Any], str]:
    """Return the chunks of a stream and the text that they make, or the error that ended it."""
    decoder, reader = StreamDecoder(), ReplyReader(hold_back=False)
    found: list[Any] = []
    text = ""
    try:
        for piece in pieces:
            for chunk in decoder.feed(piece):
                found.append(chunk)
                text += reader.feed(chunk, 0.0)
        for chunk in decoder.end():
            found.append(chunk)
            text += reader.feed(chunk, 0.0)
        text += reader.flush()
    except LeakedReasoning as error:
        found.append(str(error))
    except NotAStream as error:
        found.append(error.head)
    except ErrorEvent as error:
        found.append(error.body)
    except StreamError as error:
        found.append(str(error))
    for said in (text, reader.reasoning, reader.refusal, reader.cut or "", reader.failure or ""):
        said.encode()
        assert said == printable(said)
    return found, text


def _reasoned(pieces: Sequence[str], inside: bool) -> tuple[str, str] | None:
    held = ReasoningFilter(inside)
    try:
        text = "".join(map(held.feed, pieces)) + held.flush()
    except LeakedReasoning:
        return None
    return text, held.reasoning


@contextmanager
def streams() -> Iterator[Target]:
    """Responses of an endpoint: the same chunks, answer and reasoning however they are cut, printable text only."""

    def check(data: bytes) -> None:
        pieces = list(_pieces(data, 0))
        whole, cut = _decoded([data]), _decoded(pieces)
        assert repr(whole) == repr(cut)
        text = _text(data)
        for inside in (False, True):
            assert _reasoned([text], inside) == _reasoned(list(_pieces(text, 1)), inside)
        is_refusal(text)
        excerpt(text, "sk-key").encode()
        if (found := find_object(text, _SCHEMA)) is not None:
            assert found in text and isinstance(json.loads(found, strict=False)["a"], list)

    yield check


# Requests

_ROUTES = (
    ("POST", "/api/ask"),
    ("POST", "/api/feedback"),
    ("GET", "/api/search"),
    ("GET", "/api/export"),
    ("GET", "/api/papers/"),
)


@contextmanager
def requests() -> Iterator[Target]:
    """Bodies and queries of the API: an answer, or one line that says what is wrong; the first byte picks the route."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory())) / "home"
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        app = make_api(stack.enter_context(shelf_engine(patched, home)))
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)

        def check(data: bytes) -> None:
            method, path = _ROUTES[data[0] % len(_ROUTES)] if data else _ROUTES[0]
            status, body = loop.run_until_complete(_answered(app, method, path, data[1:]))
            text = body.decode()
            assert status in (200, 201, 400, 404, 413), text
            if status >= 400:
                (said,) = json.loads(text).values()
                assert said and said == " ".join(said.split())
            elif method == "POST" and not text.startswith(("event: ", ": ")):
                json.loads(text)

        yield check


async def _answered(app: Any, method: str, path: str, data: bytes) -> tuple[int, bytes]:
    """Return the status and the body that an application sends."""
    query = data if method == "GET" and not path.endswith("/") else b""
    path += _text(data) if path.endswith("/") else ""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode("utf-8", "replace"), "root_path": "", "query_string": query,
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "state": {},
    }  # fmt: skip
    sent = [{"type": "http.request", "body": data if method == "POST" else b"", "more_body": False}]
    status, body = 0, b""

    async def receive() -> Mapping[str, Any]:
        if sent:
            return sent.pop()
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    await app(scope, receive, send)
    return status, body


# Gold questions


@contextmanager
def gold() -> Iterator[Target]:
    """Gold questions and earlier turns: read with papers and quotes that are there, or refused line by line."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gold.jsonl"

        def check(data: bytes) -> None:
            path.write_bytes(data)
            for _, turn in read_turns(_text(data)):
                str(turn).encode("utf-8", "replace")
            try:
                questions = load_gold([path], _BY_ID)
            except (GoldError, UsageError) as error:
                str(error).encode("utf-8", "replace")
                return
            assert questions and len({each.id for each in questions}) == len(questions)
            for question in questions:
                named = {*question.relevant, *question.near_miss, *(span.paper_id for span in question.evidence)}
                assert named <= _BY_ID.keys() and question.wanted <= question.relevant.keys()
                for span in question.evidence:
                    assert span.text == _BY_ID[span.paper_id].abstract[span.start : span.end] != ""

        yield check


TARGETS: Mapping[str, Callable[[], AbstractContextManager[Target]]] = {
    "papers": papers,
    "replies": replies,
    "streams": streams,
    "requests": requests,
    "gold": gold,
}
"""What opens each target, by its name."""
