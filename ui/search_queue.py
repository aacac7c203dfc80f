"""A first-come, first-served queue in front of the searches: limits how many run side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from rag.errors import CitedeskError


class SearchCancelled(CitedeskError):
    """A search whose caller stopped waiting for it."""


class SearchQueue:
    """A fair semaphore that reports queue positions, and whose waiting callers can cancel."""

    def __init__(self, slots: int) -> None:
        self._slots = self._free = slots
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @property
    def running(self) -> int:
        """The number of slots that are held."""
        return self._slots - self._free

    @property
    def waiting(self) -> int:
        """The number of callers that wait for a slot."""
        return len(self._waiting)

    @contextmanager
    def slot(self, on_position: Callable[[int], None], cancelled: Callable[[], bool]) -> Iterator[None]:
        """Wait for a free slot and hold it; raises SearchCancelled once `cancelled()` is true.

        `on_position` receives the number of searches ahead of this one, whenever it changes.
        """
        self._acquire(on_position, cancelled)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def wake(self) -> None:
        """Make all waiting callers check whether they have been cancelled."""
        with self._changed:
            self._changed.notify_all()

    def _acquire(self, on_position: Callable[[int], None], cancelled: Callable[[], bool]) -> None:
        ticket, reported = object(), 0
        with self._changed:
            self._waiting.append(ticket)
            try:
                while not cancelled():
                    ahead = self._waiting.index(ticket) - self._free + 1
                    if ahead <= 0:
                        self._free -= 1
                        return
                    if ahead != reported:
                        on_position(reported := ahead)
                    self._changed.wait()
                raise SearchCancelled("The question was cancelled.")
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
