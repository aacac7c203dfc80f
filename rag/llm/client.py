"""The client of an OpenAI-compatible endpoint: streamed chat completions over httpx, within the settings' timeouts.

Each request runs on a thread of its own, so that waiting for it can end at any time and from any thread, whatever the
server does. No redirect is followed, and nothing is retried but what a server asks for.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Event, Lock, Thread
from typing import Any

import httpx

from rag import __version__
from rag.errors import OnlyReasoning
from rag.llm.addresses import PublicBackend
from rag.llm.errors import (
    REQUEST_ERRORS,
    EndpointErrors,
    HTTPStatusError,
    Phase,
    ServerError,
    error_response,
    parse_json,
)
from rag.llm.protocol import Message, Reply
from rag.llm.reasoning import LeakedReasoning, reasons_first
from rag.llm.reply import ask_for_json, find_object, fold_system
from rag.llm.stream import (
    MAX_STREAM,
    MAX_TOKENS_SETTING,
    ReplyChunk,
    ReplyReader,
    StreamDecoder,
    StreamError,
)
from rag.llm.usage import ReplyTiming
from rag.settings import Settings
from rag.text.links import is_loopback
from rag.types import TokenUsage

_MAX_PAGE = 1 << 20  # bytes of a response that is no stream: a list of models may be long, an error is not
_SHORT_WAIT = 2.0  # seconds that a server may ask for before it is asked once more
_USAGE_WAIT = 1.0  # seconds for the token counts that follow the last token
_JOIN_SECONDS = 0.2  # a thread that is resolving a name cannot be stopped, and is not waited for
_MAX_SILENCE = 86400.0  # seconds
_RESET = struct.pack("ii", 1, 0)
_SCHEMA_PARAMETER = "response_format"
_STREAM_PARAMETER = "stream"
_CHARACTERS_A_TOKEN = 3  # of a prompt, at least
_JSON = {"Content-Type": "application/json"}


def open_chat(
    settings: Settings,
    on_timing: Callable[[ReplyTiming], None] | None = None,
    known: KnownLimits | None = None,
) -> EndpointChat:
    """Open the configured endpoint for one question; nothing is sent yet.

    `on_timing` receives the timing of each reply when it is over; `known` is what earlier questions have learnt.
    """
    return EndpointChat(settings, on_timing, known)


def get_json(settings: Settings, path: str, until: float) -> Any:
    """Return a JSON page of the endpoint, None if it has none.

    Raises LLMFailed if the endpoint does not answer or rejects the key. A path that begins with a slash is one of the
    server, beside /v1. `until` is a time of the monotonic clock.
    """
    errors, body = EndpointErrors(settings), b""
    due = min(until, time.monotonic() + settings.llm_first_token_timeout)
    base = (settings.llm_base_url or "").rstrip("/")
    url = base.removesuffix("/v1") + path if path.startswith("/") else f"{base}/{path}"
    request = Request("GET", url, most=_MAX_PAGE)
    try:
        with _open_http_client(settings) as http, _running(request, http):
            while arrived := request.wait(due):
                event = arrived[1]
                if isinstance(event, bytes):
                    body += event
                elif isinstance(event, _Ended) and event.error:
                    raise event.error
                elif isinstance(event, _Ended):
                    return parse_json(body.decode("utf-8", "replace"))
            raise errors.failed(f"did not answer a request for its {path.strip('/')} in time; is it busy?")
    except REQUEST_ERRORS as error:
        response = error_response(error)
        if response is None or response.status in (401, 403):
            raise errors.from_exception(error, request.responded) from error
        return None


class EndpointChat:
    """A ChatModel over the configured endpoint, each call within the timeouts of the settings."""

    def __init__(
        self,
        settings: Settings,
        on_timing: Callable[[ReplyTiming], None] | None = None,
        known: KnownLimits | None = None,
    ) -> None:
        self._settings = settings
        self._on_timing = on_timing
        self._errors = EndpointErrors(settings)
        self._known = known or KnownLimits(reasons_first(settings.llm_model or ""))
        self._usage = TokenUsage()
        self._http: httpx.Client | None = None
        self._requests: set[Request] = set()
        self._lock = Lock()
        self._closed = Event()
        self._obeyed_schema = Event()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._settings.llm_model or ""

    @property
    def usage(self) -> TokenUsage:
        """The usage of all requests so far; concurrent requests each count their seconds."""
        return self._usage

    @property
    def supports_schema(self) -> bool:
        """Whether the endpoint has not been found to reject or ignore a JSON schema."""
        return self._known.supports(_SCHEMA_PARAMETER)

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, Reply]:
        """Yield the reply's text as it arrives and return the whole reply; raises LLMFailed.

        Closing the generator cancels the request.
        """
        return (yield from self._stream(messages, max_tokens, None, self._known.starts_reasoning))

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Return the complete reply; raises LLMFailed.

        With a JSON `schema` the text is an object that matches it, if the model gave one. Where the endpoint rejects or
        ignores the schema, the model is asked once more, in words.
        """
        if schema is None:
            return self._complete(messages, max_tokens)
        if self.supports_schema:
            reply = self._complete(messages, max_tokens, schema)
            if found := find_object(reply.text, schema):
                self._obeyed_schema.set()
                return Reply(found, reply.cut, reply.reasoning)
            if reply.cut:
                return reply
            if not self._obeyed_schema.is_set():
                self._known.reject(_SCHEMA_PARAMETER)
        reply = self._complete(ask_for_json(schema, messages), max_tokens)
        return Reply(find_object(reply.text, schema) or reply.text, reply.cut, reply.reasoning)

    def close(self) -> None:
        """Cancel all requests, at once and for good; may be called from any thread."""
        self._closed.set()
        with self._lock:
            requests, http = tuple(self._requests), self._http
        for request in requests:
            request.finish()
        if http:
            http.close()

    def _complete(
        self, messages: Sequence[Message], max_tokens: int | None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        # Nobody reads along, so text can be held back until it is known not to be reasoning.
        stream = self._stream(messages, max_tokens, schema, hold_back=True)
        while True:
            try:
                next(stream)
            except StopIteration as end:
                reply: Reply = end.value
                return reply

    def _stream(
        self,
        messages: Sequence[Message],
        max_tokens: int | None,
        schema: Mapping[str, Any] | None,
        hold_back: bool,
    ) -> Generator[str, None, Reply]:
        """Send the request, and again in the form that the endpoint accepts, as long as no text has come."""
        base = (self._settings.llm_base_url or "").rstrip("/")
        started, waited, text = time.monotonic(), False, ""
        while True:
            limit = self._limit(messages, max_tokens)
            reader = ReplyReader(hold_back, limit.name)
            parameters = self._known.build(limit.tokens, schema)
            sent = fold_system(messages) if self._known.folds_system else messages
            body = {"model": self.name, "messages": [asdict(each) for each in sent], **parameters}
            request = Request("POST", f"{base}/chat/completions", json.dumps(body).encode())
            try:
                for piece in self._receive(request, reader, started):
                    text += piece
                    yield piece
                self._known.note(reader)
                return Reply(text, reader.cut, reader.reasoning)
            except OnlyReasoning:
                if self._known.reasons or not reader.cut:  # it had all the room that there is
                    raise
                self._known.note(reader)
            except REQUEST_ERRORS as error:
                self._known.note(reader, error)
                response = None if reader.has_text else error_response(error)
                if response and not waited and self._wait(response):
                    waited = True
                elif not (response and self._adapt(response, parameters, sent)):
                    raise self._errors.from_exception(error, request.responded) from error

    def _limit(self, messages: Sequence[Message], max_tokens: int | None) -> _Limit:
        """Return how long a reply may be: what it is for, and for a model that reasons as much room as there is."""
        settings, name = self._settings, MAX_TOKENS_SETTING
        tokens = settings.llm_max_tokens
        if max_tokens and max_tokens < tokens:
            tokens, name = max_tokens, f"the limit of {max_tokens} tokens for this step"
        if self._known.reasons:
            prompt = sum(len(each.content) for each in messages) // _CHARACTERS_A_TOKEN
            tokens += max(min(settings.llm_reasoning_tokens, settings.llm_context - prompt - tokens), 0)
        return _Limit(tokens, name)

    def _wait(self, response: ServerError) -> bool:
        """Wait if the server asks for a short time; return whether it did."""
        wait = response.retry_after
        return response.status == 429 and wait is not None and wait <= _SHORT_WAIT and not self._closed.wait(wait)

    def _adapt(self, response: ServerError, parameters: Mapping[str, Any], sent: Sequence[Message]) -> bool:
        """Leave out from now on what was rejected, a parameter or the system role; return whether something was."""
        if name := response.rejected_parameter(parameters):
            self._known.reject(name)
            return True
        if response.rejects_system_role and sent[0].role == "system":
            self._known.fold_system()
            return True
        return False

    def _receive(self, request: Request, reader: ReplyReader, started: float) -> Generator[str, None, None]:
        """Yield the text of one request's reply; raises REQUEST_ERRORS and LLMFailed."""
        sent = time.monotonic()
        deadline = _Deadline(self._settings, started, sent, streams=self._known.streams)
        with self._lock:
            if self._closed.is_set():
                raise self._errors.cancelled()
            self._http = self._http or _open_http_client(self._settings)
            self._requests.add(request)
        try:
            with _running(request, self._http):
                for at, chunk in self._chunks(request, deadline, reader):
                    if text := reader.feed(chunk, at):
                        yield text
                    if reader.repeating:
                        raise self._errors.repeated()
                    deadline.note(at, reader.alive, reader.finish_reason is not None)
        finally:
            used = TokenUsage(1, reader.prompt_tokens, reader.completion_tokens, time.monotonic() - sent)
            with self._lock:
                self._requests.discard(request)
                self._usage += used
            if self._on_timing:
                self._on_timing(reader.timing(sent))
        yield from self._finish(reader)

    def _chunks(
        self, request: Request, deadline: _Deadline, reader: ReplyReader
    ) -> Generator[tuple[float, ReplyChunk], None, None]:
        """Yield a request's chunks with their times of arrival; each must be read before the next is taken."""
        decoder = StreamDecoder()
        try:
            while not decoder.done:
                due, phase = deadline.due
                arrived = request.wait(due)
                if arrived is None or arrived[0] > due:
                    if phase == "end":
                        return
                    raise self._errors.timed_out(phase)
                at, event = arrived
                if isinstance(event, bytes):
                    yield from ((at, chunk) for chunk in decoder.feed(event))
                elif isinstance(event, _Connected):
                    deadline.connected()
                elif event.cancelled:
                    raise self._errors.cancelled()
                elif event.error:
                    raise event.error
                else:
                    yield from ((at, chunk) for chunk in decoder.end())
                    if decoder.whole:
                        self._known.reject(_STREAM_PARAMETER)
                    return
        except REQUEST_ERRORS:
            if reader.finish_reason is None:  # what goes wrong after a complete answer does not matter
                raise

    def _finish(self, reader: ReplyReader) -> Iterator[str]:
        """Yield the text that was held back; raises LLMFailed if the reply did not end as an answer."""
        if reader.finish_reason is None:
            raise self._errors.broke_off()
        if reader.failure:
            raise self._errors.gave_up(reader.failure)
        # What a model that reasons first had written when it was cut, before any block was closed, was no answer yet.
        unsure = reader.cut is not None and self._known.starts_reasoning
        if not unsure and (text := reader.flush()):
            yield text
        if not reader.has_text:
            if reader.refusal:
                raise self._errors.declined(reader.refusal)
            if reader.calls_tool:
                raise self._errors.called_tool()
            if reader.reasoned or unsure:
                raise self._errors.only_reasoning(reader.limit)
            raise self._errors.empty(reader.cut)


@dataclass(frozen=True, slots=True)
class _Limit:
    """How many tokens a reply may have, and the name of what bounds them."""

    tokens: int
    name: str


class KnownLimits:
    """What is known of one endpoint and its model; shared by concurrent requests, and by questions.

    `starts_reasoning` says that replies begin with reasoning without a mark, so that text is held back until it is
    known not to be; `reasons` that the model reasons at all, and needs room for that.
    """

    def __init__(self, starts_reasoning: bool = False) -> None:
        self.starts_reasoning = starts_reasoning
        self.reasons = starts_reasoning
        self.folds_system = False
        self._rejected: frozenset[str] = frozenset()
        self._lock = Lock()

    def reject(self, name: str) -> None:
        """Leave a parameter out from now on."""
        with self._lock:
            self._rejected |= {name}

    def fold_system(self) -> None:
        """Put the system message into the user's from now on."""
        self.folds_system = True

    def note(self, reader: ReplyReader, error: Exception | None = None) -> None:
        """Learn from a reply whether its model reasons, and whether it begins to do so without a mark."""
        self.reasons = self.reasons or reader.reasoned
        if isinstance(error, LeakedReasoning):
            self.starts_reasoning = self.reasons = True

    def supports(self, name: str) -> bool:
        """Return whether a parameter has not been rejected."""
        return name not in self._rejected

    @property
    def streams(self) -> bool:
        """Whether the endpoint has not been found to send replies as a whole."""
        return self.supports(_STREAM_PARAMETER)

    def build(self, max_tokens: int, schema: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return a request's parameters; sampling is always set, since a server's defaults may be the model's own."""
        wanted: dict[str, Any] = {
            "temperature": 0.0,
            "top_p": 1.0,
            "max_tokens": max_tokens,
        }
        if self.streams:
            wanted |= {_STREAM_PARAMETER: True, "stream_options": {"include_usage": True}}
        if not self.supports("max_tokens"):
            wanted["max_completion_tokens"] = max_tokens
        if schema is not None:
            json_schema = {"name": "reply", "schema": schema, "strict": True}
            wanted[_SCHEMA_PARAMETER] = {"type": "json_schema", "json_schema": json_schema}
        return {name: value for name, value in wanted.items() if self.supports(name)}


class _Deadline:
    """Until when a request may stay silent: a connection, text and reasoning are signs of life, nothing else is.

    All times are in seconds of the monotonic clock.
    """

    def __init__(self, settings: Settings, started: float, sent: float, streams: bool = True) -> None:
        self._between = settings.llm_timeout
        self._total: tuple[float, Phase] = (started + settings.llm_total_timeout, "whole answer")
        self._next: tuple[float, Phase] = (sent + settings.llm_connect_timeout, "connection")
        # The first token of a reply that comes as a whole is its last one, too.
        first = settings.llm_first_token_timeout if streams else settings.llm_total_timeout
        self._first: tuple[float, Phase] = (sent + first, "first token")

    def connected(self) -> None:
        """Note that the request is being sent."""
        if self._next[1] == "connection":
            self._next = self._first

    def note(self, at: float, alive: bool, finished: bool) -> None:
        """Note a chunk's arrival, whether it held text or reasoning, and whether the text is complete."""
        if self._next[1] == "end":
            return
        if finished:
            self._next = self._total = at + _USAGE_WAIT, "end"
        elif alive:
            self._next = at + self._between, "next token"

    @property
    def due(self) -> tuple[float, Phase]:
        """The time at which waiting ends, and what will then have been missed."""
        return min(self._next, self._total)


@dataclass(frozen=True, slots=True)
class _Connected:
    """The request is being sent."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The end of a response, or the error that a request ended with; `cancelled` if it was stopped."""

    error: Exception | None = None
    cancelled: bool = False


class Request:
    """One request on a thread of its own; what it receives is queued with its time of arrival."""

    def __init__(self, method: str, url: str, content: bytes | None = None, most: int = MAX_STREAM) -> None:
        self.responded = False
        self._line = (method, url)
        self._content = content
        self._most = most
        self._events: SimpleQueue[tuple[float, bytes | _Connected | _Ended]] = SimpleQueue()
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._cancelled = False
        self._thread: Thread | None = None

    def start(self, http: httpx.Client) -> None:
        """Send the request."""
        thread = Thread(target=self._run, args=(http,), name="citedesk-endpoint", daemon=True)
        thread.start()
        self._thread = thread  # only now: another thread may finish the request, and join it

    def wait(self, due: float) -> tuple[float, bytes | _Connected | _Ended] | None:
        """Return what came next and when, None if nothing came in time."""
        try:
            return self._events.get(timeout=min(max(due - time.monotonic(), 0), TIMEOUT_MAX))
        except Empty:
            return None

    def cancel(self) -> None:
        """End the request at once: the server sees the connection close. May be called from any thread."""
        with self._lock:
            self._cancelled = True
            _reset(self._socket)
        self._put(_Ended(cancelled=True))

    def finish(self) -> None:
        """Cancel, and join the thread."""
        self.cancel()
        if self._thread:
            self._thread.join(_JOIN_SECONDS)

    def _run(self, http: httpx.Client) -> None:
        error = None
        try:
            extensions = {"trace": self._trace}
            with http.stream(*self._line, content=self._content, headers=_JSON, extensions=extensions) as response:
                self.responded = True
                for data in _read(response, self._most):
                    self._put(data)
        except Exception as raised:  # raised again in the thread that waits
            error = raised
        finally:
            with self._lock:
                if self._socket:
                    self._socket.close()
                    self._socket = None
            self._put(_Ended(error))

    def _trace(self, name: str, info: dict[str, Any]) -> None:
        """Follow httpcore's progress with the request."""
        if name == "connection.connect_tcp.complete":
            self._watch_socket(info["return_value"].get_extra_info("socket"))
        elif name.endswith(".send_request_headers.started"):
            self._put(_Connected())

    def _watch_socket(self, original: socket.socket) -> None:
        # A duplicate is the same connection, and can end it while the original is being wrapped in TLS.
        duplicate = original.dup()
        with self._lock:
            previous, self._socket = self._socket, duplicate
            if self._cancelled:
                _reset(duplicate)
        if previous:
            previous.close()

    def _put(self, event: bytes | _Connected | _Ended) -> None:
        self._events.put((time.monotonic(), event))


def _reset(connection: socket.socket | None) -> None:
    if connection:
        with suppress(OSError):  # it may be closed already
            # A server that waits for room in a full buffer never learns of a plain end, so closing resets.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def _running(request: Request, http: httpx.Client) -> Iterator[None]:
    request.start(http)
    try:
        yield
    finally:
        request.finish()


def _read(response: httpx.Response, most: int) -> Iterator[bytes]:
    """Yield a response's bytes up to `most` and the rest of a read; raises HTTPStatusError and StreamError."""
    encoding = response.headers.get("content-encoding", "identity")
    if not response.is_success:
        body = b"".join(_bounded(response, _MAX_PAGE)) if encoding == "identity" else b""
        content_type = {"content-type": response.headers.get("content-type", "")}
        text = httpx.Response(200, headers=content_type, content=body[:_MAX_PAGE]).text
        raise HTTPStatusError(ServerError.from_http(response.status_code, response.headers, text))
    if encoding != "identity":
        raise StreamError(f"compressed data ({encoding}), which it was asked not to send")
    yield from _bounded(response, most)


def _bounded(response: httpx.Response, most: int) -> Iterator[bytes]:
    for data in response.iter_raw():
        yield data
        most -= len(data)
        if most < 0:
            return


def _open_http_client(settings: Settings) -> httpx.Client:
    """Return a client that follows no redirect: evidence goes to the address that was named, and to no other."""
    address = settings.llm_base_url or ""
    # Whoever waits for a request ends it before this; no socket waits for ever.
    silence = min(max(settings.llm_first_token_timeout, settings.llm_timeout) + 1, _MAX_SILENCE)
    headers = {"Accept-Encoding": "identity", "User-Agent": f"citedesk/{__version__}"}
    if settings.llm_api_key:
        headers["Authorization"] = f"Bearer {settings.llm_api_key}"
    public = settings.llm_addresses == "public"
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # a connection ends with its request
    http = httpx.Client(
        headers=headers,
        timeout=httpx.Timeout(silence, connect=min(settings.llm_connect_timeout, _MAX_SILENCE)),
        follow_redirects=False,
        trust_env=not (public or is_loopback(address)),  # a proxy is for remote addresses, and resolves names itself
        # Loading the certificates takes 24 ms, and a plain address needs none; without any, none would be trusted.
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if address.startswith("http:") else True,
        limits=limits,
    )
    if public:  # httpx 0.28 has no other place for a backend
        http._transport._pool._network_backend = PublicBackend()  # type: ignore[attr-defined]
    return http
