"""The chat model interface: messages in, text out, whichever endpoint serves it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rag.types import TokenUsage

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply; `cut` says in words why the endpoint ended it early, None if it did not."""

    text: str
    cut: str | None = None
    reasoning: str = ""


class ChatModel(Protocol):
    """A language model, opened for one question; its methods may be called concurrently.

    `max_tokens` is capped by the settings' value, which is also its default.
    """

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def usage(self) -> TokenUsage:
        """The usage of all calls so far."""
        ...

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, Reply]:
        """Yield the reply's text as it arrives and return the whole reply; raises LLMFailed.

        Closing the generator cancels the request.
        """
        ...

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Return the complete reply, as JSON of a `schema` where the endpoint supports it; raises LLMFailed."""
        ...

    def close(self) -> None:
        """Cancel all requests."""
        ...
