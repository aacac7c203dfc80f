"""Admission control: how many questions are under way, how many of them search side by side, and how many wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from rag.errors import CitedeskError

MAX_WAITING = 32
MAX_QUESTIONS = 128


class SearchCancelled(CitedeskError):
    """A search whose caller stopped waiting for it."""


class Busy(CitedeskError):
    """A question that is refused, since too many are before it."""


class SearchQueue:
    """A fair semaphore of bounded length that reports queue positions, and whose waiting callers can cancel.

    `slots` searches run side by side, `waiting` wait for one, and `questions` are under way, those that a model writes
    among them.
    """

    def __init__(self, slots: int, waiting: int = MAX_WAITING, questions: int = MAX_QUESTIONS) -> None:
        self._slots = self._free = slots
        self._most_waiting = waiting
        self._most_questions = questions
        self._questions = 0
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

    @property
    def questions(self) -> int:
        """The number of questions under way."""
        return self._questions

    @contextmanager
    def question(self) -> Iterator[None]:
        """Count a question as under way; raises Busy where too many are."""
        with self._changed:
            if self._questions >= self._most_questions:
                raise Busy(f"The server is busy: {self._questions} questions are under way. Ask again in some seconds.")
            self._questions += 1
        try:
            yield
        finally:
            with self._changed:
                self._questions -= 1

    @contextmanager
    def slot(
        self, on_position: Callable[[int], None], cancelled: Callable[[], bool], first: bool = True
    ) -> Iterator[None]:
        """Wait for a free slot and hold it; raises SearchCancelled once `cancelled()` is true.

        `on_position` receives the number of searches ahead of this one, whenever it changes. Raises Busy where too many
        wait, unless this is not the `first` search of its question, which has been admitted.
        """
        self._acquire(on_position, cancelled, first)
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

    def _acquire(self, on_position: Callable[[int], None], cancelled: Callable[[], bool], first: bool) -> None:
        ticket, reported = object(), 0
        with self._changed:
            ahead = len(self._waiting) - self._free + 1
            if first and ahead > self._most_waiting:
                waiting = self._most_waiting
                raise Busy(f"The server is busy: {waiting} questions wait already. Ask again in some seconds.")
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
