"""Counts what tests leave open: files and sockets, where the system lists them under /proc, and threads."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ALLOWED = 24
"""Descriptors and threads that half of the suite may add: libraries and fixtures of the session hold a few for good."""

_DESCRIPTORS = Path("/proc/self/fd")


def open_files(folder: Path) -> list[str]:
    """List the open files in a folder and below it; empty without /proc."""
    paths = []
    for descriptor in _DESCRIPTORS.iterdir() if _DESCRIPTORS.is_dir() else ():
        try:
            paths.append(descriptor.readlink())
        except OSError:  # closed meanwhile, as the one that lists the folder always is
            continue
    return [str(path) for path in paths if path.is_relative_to(folder)]


class LeakCheck:
    """A pytest plugin that fails where half of the suite leaves too much open, by the modules that left it.

    It counts at the end of each module, so that it works wherever a run is split between processes.
    """

    def __init__(self, patience: float = 5.0) -> None:
        """`patience` is the time in seconds in which what was closed has to be gone: Chroma closes files on threads."""
        self._patience = patience
        self._second_half: set[str] = set()
        self._left: Counter[str] = Counter()
        self._before = self._at_module = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Find the modules of the second half, and count what is open before the first."""
        self._second_half = {_module(item) for item in session.items[len(session.items) // 2 :]}
        self._before = self._at_module = _count_open()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        """Count after the fixtures of a module have been torn down; raises AssertionError above what is allowed."""
        yield
        if nextitem is not None and _module(nextitem) == _module(item):
            return
        now = _count_settled(self._at_module, 0.2)
        if now > self._before + ALLOWED:
            now = _count_settled(self._before + ALLOWED, self._patience)
        self._left[_module(item)] += now - self._at_module
        self._at_module = now
        added, left = now - self._before, self._left.most_common()
        of_first_half = _module(item) not in self._second_half
        if added > ALLOWED or (of_first_half and nextitem and _module(nextitem) in self._second_half):
            self._before, self._left = now, Counter()
        modules = ", ".join(f"{module} {count}" for module, count in left if count > 0)
        assert added <= ALLOWED, f"half of the tests left {added} more files and threads open: {modules}"


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _count_open() -> int:
    files = len(list(_DESCRIPTORS.iterdir())) if _DESCRIPTORS.is_dir() else 0
    return files + threading.active_count()


def _count_settled(goal: int, seconds: float) -> int:
    """Count what is open, as soon as it is no more than the goal or has had so many seconds to be closed."""
    if _count_open() > goal:
        gc.collect()
    end = time.monotonic() + seconds
    while (now := _count_open()) > goal and time.monotonic() < end:
        time.sleep(0.01)
    return now
