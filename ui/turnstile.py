"""Lets so many searches run side by side, first come first served, and tells who waits how many are before them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from rag.errors import CitedeskError


class Left(CitedeskError):
    """A search that nobody waits for any more."""


class Turnstile:
    """A fair semaphore whose queue can be seen and left."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def place(self, ahead: Callable[[int], None], left: Callable[[], bool]) -> Iterator[None]:
        """Wait for a place and hold it; raises Left where `left` tells that nobody waits any more.

        `ahead` is told how many are before this one, each time that it changes.
        """
        self._enter(ahead, left)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def nudge(self) -> None:
        """Let all that wait look whether they have been left."""
        with self._changed:
            self._changed.notify_all()

    def _enter(self, ahead: Callable[[int], None], left: Callable[[], bool]) -> None:
        ticket, told = object(), 0
        with self._changed:
            self._waiting.append(ticket)
            try:
                while not left():
                    before = self._waiting.index(ticket) - self._free + 1
                    if before <= 0:
                        self._free -= 1
                        return
                    if before != told:
                        ahead(told := before)
                    self._changed.wait()
                raise Left("The question was left.")
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
