"""Adds up what calls cost, which may run side by side."""

from __future__ import annotations

from threading import Lock

from rag.llm.protocol import Spent


class Tally:
    """The calls of one chat: their number, their seconds, and the tokens of those that were told."""

    def __init__(self) -> None:
        self._spent = Spent()
        self._lock = Lock()

    @property
    def spent(self) -> Spent:
        """What was added so far."""
        return self._spent

    def add(self, seconds: float, prompt_tokens: int | None, completion_tokens: int | None) -> None:
        """Count one request."""
        with self._lock:
            self._spent += Spent(1, prompt_tokens, completion_tokens, seconds)
