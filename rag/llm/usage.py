"""Usage accounting: the tokens and seconds of each step of one question, and the speed of one reply."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rag.errors import LLMFailed
from rag.llm.protocol import ChatModel, Message, Reply
from rag.types import TokenUsage


@dataclass(frozen=True, slots=True)
class ReplyTiming:
    """When a reply's first and last tokens arrived, in seconds after the request; None if none did.

    `chunks` counts those with text or reasoning; `reasoned` says whether there was reasoning.
    """

    first: float | None
    last: float | None
    chunks: int
    completion_tokens: int | None
    reasoned: bool

    @property
    def tokens_per_second(self) -> float | None:
        """The decoding speed after the first token; chunks stand in for tokens that the endpoint did not count.

        None for fewer than four tokens, or if all arrived at once.
        """
        count = self.completion_tokens or self.chunks
        if self.first is None or self.last is None or count < 4 or self.last - self.first < 0.01:
            return None
        return (count - 1) / (self.last - self.first)

    def __str__(self) -> str:
        parts = [] if self.first is None else [f"first token after {self.first:.2f} s"]
        if speed := self.tokens_per_second:
            parts.append(f"{speed:.0f} tokens/s" if speed >= 10 else f"{speed:.1f} tokens/s")
        parts.append("reports token counts" if self.completion_tokens is not None else "reports no token counts")
        return ", ".join(parts + ["reasons first"] * self.reasoned)


class UsageMeter:
    """A chat model that records each step's usage, why the last stream was cut, its reasoning, and the last failure."""

    def __init__(self, chat: ChatModel) -> None:
        self.steps: dict[str, TokenUsage] = {}
        self.cut: str | None = None
        self.reasoning = ""
        self.failure: LLMFailed | None = None
        self._chat = chat

    @property
    def name(self) -> str:
        """The model's name."""
        return self._chat.name

    @property
    def usage(self) -> TokenUsage:
        """The usage of all calls so far."""
        return self._chat.usage

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Record the usage inside the context under a step's name; steps must not overlap."""
        before = self.usage
        try:
            yield
        finally:
            used = self.usage - before
            if used.calls:
                self.steps[name] = self.steps.get(name, TokenUsage()) + used

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, Reply]:
        """Stream a reply and record why it was cut, and its reasoning."""
        try:
            reply = yield from self._chat.stream(messages, max_tokens)
        except LLMFailed as error:
            self.failure = error
            raise
        self.cut, self.reasoning = reply.cut, reply.reasoning
        return reply

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Return a complete reply."""
        try:
            return self._chat.complete(messages, max_tokens, schema)
        except LLMFailed as error:
            self.failure = error
            raise

    def close(self) -> None:
        """Cancel all requests."""
        self._chat.close()
