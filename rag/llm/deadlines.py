"""Until when a request may stay silent (pure; all times in seconds of one monotonic clock)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rag.settings import Settings

Awaited = Literal["connection", "first token", "next token", "whole answer", "end"]
_GRACE = 1.0  # for the usage that follows the last token


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each part of a request may take, in seconds."""

    connect: float
    first_token: float
    between: float
    total: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Take the limits from the settings."""
        return cls(
            settings.llm_connect_timeout,
            settings.llm_first_token_timeout,
            settings.llm_timeout,
            settings.llm_total_timeout,
        )


class Deadline:
    """Says until when to wait, and for what; a connection, text and reasoning are signs of life, nothing else is."""

    def __init__(self, limits: Limits, started: float, now: float) -> None:
        self._limits = limits
        self._last: tuple[float, Awaited] = (started + limits.total, "whole answer")
        self._next: tuple[float, Awaited] = (now + limits.connect, "connection")
        self._first: tuple[float, Awaited] = (now + limits.first_token, "first token")

    def connected(self) -> None:
        """Note that the request is under way."""
        if self._next[1] == "connection":
            self._next = self._first

    def note(self, at: float, alive: bool, finished: bool) -> None:
        """Note a chunk that came at a time: whether it held text or reasoning, and whether the text is complete now.

        What follows the text is only told, and not worth failing for.
        """
        if self._next[1] == "end":
            return
        if finished:
            self._next = self._last = at + _GRACE, "end"
        elif alive:
            self._next = at + self._limits.between, "next token"

    @property
    def due(self) -> tuple[float, Awaited]:
        """The time at which waiting ends, and what will then have been missed."""
        return min(self._next, self._last)
