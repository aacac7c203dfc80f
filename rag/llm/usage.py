"""What each step of one question costs, metered around the chat model that all of them use."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rag.errors import LLMFailed
from rag.llm.protocol import ChatModel, Message, Reply, Spent


class Meter:
    """A chat model that notes what each step spends, why the last stream was cut, and the last failure."""

    def __init__(self, chat: ChatModel) -> None:
        self.steps: dict[str, Spent] = {}
        self.cut: str | None = None
        self.failure: LLMFailed | None = None
        self._chat = chat

    @property
    def name(self) -> str:
        """The model's name."""
        return self._chat.name

    @property
    def spent(self) -> Spent:
        """What all calls so far cost together."""
        return self._chat.spent

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what is spent inside under a name; steps do not overlap."""
        before = self.spent
        try:
            yield
        finally:
            spent = self.spent.since(before)
            if spent.calls:
                self.steps[name] = self.steps.get(name, Spent()) + spent

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, str | None]:
        """Stream a reply, and keep why it was cut."""
        try:
            self.cut = yield from self._chat.stream(messages, max_tokens)
        except LLMFailed as error:
            self.failure = error
            raise
        return self.cut

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Give a whole reply."""
        try:
            return self._chat.complete(messages, max_tokens, schema)
        except LLMFailed as error:
            self.failure = error
            raise

    def close(self) -> None:
        """End whatever is still under way."""
        self._chat.close()
