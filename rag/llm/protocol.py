"""What a language model is asked and what it gives back, whichever endpoint serves it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; `cut` says in words why the endpoint ended it early, None where it did not."""

    text: str
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a question's calls cost so far: tokens as the endpoint counts them, None where it does not say."""

    calls: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.calls + other.calls,
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            self.seconds + other.seconds,
        )

    def since(self, earlier: Spent) -> Spent:
        """Give what was spent since an earlier reading."""
        return Spent(
            self.calls - earlier.calls,
            None if self.prompt_tokens is None else self.prompt_tokens - (earlier.prompt_tokens or 0),
            None if self.completion_tokens is None else self.completion_tokens - (earlier.completion_tokens or 0),
            self.seconds - earlier.seconds,
        )


class ChatModel(Protocol):
    """A language model, opened for one question; its methods may be called side by side.

    `max_tokens` is at most that of the settings, and is that where None is given.
    """

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def spent(self) -> Spent:
        """What all calls so far cost together."""
        ...

    def stream(self, messages: Sequence[Message], max_tokens: int | None = None) -> Generator[str, None, str | None]:
        """Yield the reply's text as it comes, and return why it was cut, if it was; raises LLMFailed.

        Closing the generator ends the endpoint's work.
        """
        ...

    def complete(
        self, messages: Sequence[Message], max_tokens: int | None = None, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """Give the reply at once, in a form that obeys a JSON `schema` where the endpoint can; raises LLMFailed."""
        ...

    def close(self) -> None:
        """End whatever is still under way."""
        ...


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
