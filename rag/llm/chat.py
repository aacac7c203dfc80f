"""A language model behind an OpenAI-compatible address: its text as it comes, or one plain line about what failed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any

import openai
from llama_index.core.base.llms.types import ChatMessage, MessageRole

from rag.llm.call import CLIENT_ERRORS, Call, Connected, Ended, Part
from rag.llm.client import Endpoint, open_endpoint
from rag.llm.deadlines import Deadline, Limits
from rag.llm.failures import Explainer
from rag.llm.pace import Pace
from rag.llm.protocol import Message, Reply, Spent
from rag.llm.reading import SETTING, Reading
from rag.llm.refusals import Refusal, refusal_of
from rag.llm.request import Dialect
from rag.llm.structured import first_object
from rag.llm.tally import Tally
from rag.llm.thoughts import may_start_inside
from rag.settings import Settings

_SHORT_WAIT = 2.0  # seconds that a server may ask to be given before it is asked once more
_FORM = "response_format"


class EndpointChat:
    """A ChatModel that streams from the configured endpoint, each call within the time that the settings give it."""

    def __init__(self, settings: Settings, endpoint: Endpoint, watch: Callable[[Pace], None] | None = None) -> None:
        self._watch = watch
        self._settings = settings
        self._endpoint = endpoint
        self._limits = Limits.of(settings)
        self._explainer = Explainer(settings)
        self._dialect = Dialect()
        self._tally = Tally()
        self._calls: set[Call] = set()
        self._lock = Lock()
        self._closed = Event()
        self._obeyed = Event()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._settings.llm_model or ""

    @property
    def spent(self) -> Spent:
        """What all requests so far cost together; requests that ran side by side each count their seconds."""
        return self._tally.spent

    @property
    def forces_form(self) -> bool:
        """Tell whether the endpoint was not found to refuse or to ignore a schema so far."""
        return self._dialect.takes(_FORM)

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, str | None]:
        """Yield the reply's text as it comes, and return why it was cut, if it was; raises LLMFailed.

        Closing the generator ends the endpoint's work.
        """
        reading = yield from self._stream(messages, max_tokens, None, may_start_inside(self.name))
        return reading.cut

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Give the reply at once; raises LLMFailed.

        With a JSON `schema` the text is an object that obeys it, if the model gave one. The endpoint is made to where
        it can; where it refuses or does not care, the model is asked once more, in words.
        """
        if schema is None:
            return self._whole(messages, max_tokens)
        if self._dialect.takes(_FORM):
            reply = self._whole(messages, max_tokens, schema)
            if found := first_object(reply.text, schema):
                self._obeyed.set()
                return Reply(found, reply.cut)
            if reply.cut:
                return reply
            if not self._obeyed.is_set():
                self._dialect.refuse(_FORM)
        reply = self._whole(_asking_for(schema, messages), max_tokens)
        return Reply(first_object(reply.text, schema) or reply.text, reply.cut)

    def close(self) -> None:
        """End whatever is still under way, at once and for good; may be called from any thread."""
        self._closed.set()
        with self._lock:
            calls = tuple(self._calls)
        for call in calls:
            call.finish()
        self._endpoint.close()

    def _whole(
        self, messages: Sequence[Message], max_tokens: int | None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        # Nobody reads along, so text can be held back until it is known to be no reasoning.
        stream = self._stream(messages, max_tokens, schema, inside=True)
        text = ""
        while True:
            try:
                text += next(stream)
            except StopIteration as end:
                return Reply(text, end.value.cut)

    def _stream(
        self, messages: Sequence[Message], max_tokens: int | None, schema: Mapping[str, Any] | None, inside: bool
    ) -> Generator[str, None, Reading]:
        """Make the request, and make it again without what the endpoint refuses, as long as nothing was shown."""
        most = min(max_tokens or self._settings.llm_max_tokens, self._settings.llm_max_tokens)
        chat = [ChatMessage(message.content, role=MessageRole(message.role)) for message in messages]
        less = most < self._settings.llm_max_tokens
        limit = f"the {most} tokens that it may have at this step" if less else SETTING
        started, waited = time.monotonic(), False
        while True:
            reading, sent = Reading(inside, limit), self._dialect.parameters(most, schema)
            try:
                yield from self._request(chat, sent, reading, started)
                return reading
            except CLIENT_ERRORS as error:
                refusal = None if reading.shown else refusal_of(error)
                if refusal and not waited and self._wait(refusal):
                    waited = True
                elif not (refusal and self._without(refusal, sent)):
                    raise self._explainer.explain(error) from error

    def _wait(self, refusal: Refusal) -> bool:
        """Wait where the server asks for a moment; tell whether it did."""
        wait = refusal.retry_after
        return refusal.status == 429 and wait is not None and wait <= _SHORT_WAIT and not self._closed.wait(wait)

    def _without(self, refusal: Refusal, sent: Mapping[str, Any]) -> bool:
        """Leave out from now on the parameter that was refused; tell whether there was one."""
        name = refusal.parameter(sent)
        if name:
            self._dialect.refuse(name)
        return name is not None

    def _request(
        self, messages: Sequence[ChatMessage], sent: Mapping[str, Any], reading: Reading, started: float
    ) -> Generator[str, None, None]:
        """Yield one request's text; raises what the client raises, and LLMFailed."""
        began = time.monotonic()
        # LlamaIndex sends a temperature of its own, unless it is told what the client takes for none.
        call = Call(lambda: self._endpoint.stream_chat(messages, **{"temperature": openai.omit, **sent}))
        deadline = Deadline(self._limits, started, began)
        with self._under_way(call):
            try:
                for chunk in self._chunks(call, deadline, reading):
                    if text := reading.read(chunk):
                        yield text
                    if reading.looping:
                        raise self._explainer.looped()
            finally:
                if self._watch:
                    self._watch(reading.pace(began))
                self._tally.add(time.monotonic() - began, reading.prompt_tokens, reading.completion_tokens)
        yield from self._end(reading)

    @contextmanager
    def _under_way(self, call: Call) -> Iterator[None]:
        """Run a call that close() can reach, and leave nothing of it behind."""
        with self._lock:
            if self._closed.is_set():
                raise self._explainer.stopped()
            self._calls.add(call)
            call.start()
        try:
            yield
        finally:
            call.finish()
            with self._lock:
                self._calls.discard(call)

    def _chunks(self, call: Call, deadline: Deadline, reading: Reading) -> Iterator[Any]:
        """Yield a call's chunks, each of which is read before the next is waited for."""
        while arrived := self._arrived(call, deadline, reading):
            at, event = arrived
            if isinstance(event, Connected):
                deadline.connected()
            else:
                yield event.value.raw
                reading.note(at)
                deadline.note(at, reading.alive, reading.finish is not None)

    def _arrived(self, call: Call, deadline: Deadline, reading: Reading) -> tuple[float, Connected | Part] | None:
        """Wait for what comes next; None at the end. Raises LLMFailed where it is overdue, and what ended the call."""
        due, awaited = deadline.due
        arrived = call.wait(due)
        if arrived is None or arrived[0] > due:
            if awaited == "end":
                return None
            raise self._explainer.overdue(awaited)
        at, event = arrived
        if not isinstance(event, Ended):
            return at, event
        if event.stopped:
            raise self._explainer.stopped()
        if event.error and not reading.finish:
            raise event.error
        return None

    def _end(self, reading: Reading) -> Iterator[str]:
        """Yield what was held back, and look at how the reply ended."""
        if reading.finish is None:
            raise self._explainer.broke_off()
        if reading.failure:
            raise self._explainer.ended(reading.failure)
        # What a model that reasons first had written when it was cut, and no block had closed, was no answer yet.
        unsure = reading.cut is not None and may_start_inside(self.name)
        if not unsure and (text := reading.rest()):
            yield text
        if not reading.shown:
            if reading.thought or unsure:
                raise self._explainer.only_reasoning(reading.limit)
            raise self._explainer.empty(reading.cut)


def open_chat(settings: Settings, watch: Callable[[Pace], None] | None = None) -> EndpointChat:
    """Open the configured endpoint for one question; nothing is sent yet.

    `watch` is told how fast each reply came, when it is over.
    """
    endpoint = open_endpoint(settings)
    _ = endpoint.client().chat.completions  # it is imported now, and not in the time of the first call
    return EndpointChat(settings, endpoint, watch)


def _asking_for(schema: Mapping[str, Any], messages: Sequence[Message]) -> tuple[Message, ...]:
    """Ask in words for what an endpoint cannot be made to give."""
    form = json.dumps(schema, ensure_ascii=False)
    *before, last = messages
    asked = f"{last.content}\n\nAnswer with one JSON object of this JSON schema, and with nothing else:\n{form}"
    return (*before, Message(last.role, asked))
