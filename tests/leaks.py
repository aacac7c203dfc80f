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
_PATIENCE = 5.0  # seconds in which what was closed has to be gone: Chroma closes its files on threads of its own


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
    """A pytest plugin that fails the last test of each half of a run where the half left too much open."""

    def __init__(self) -> None:
        self._ends: set[pytest.Item] = set()
        self._left: Counter[str] = Counter()
        self._before = self._at_module = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Find where the halves end, each with the end of a test module."""
        items = session.items
        if items:
            middle = _module(items[len(items) // 2])
            self._ends = {[item for item in items if _module(item) == middle][-1], items[-1]}
        self._before = self._at_module = _count_open()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        """Count after the fixtures of a module have been torn down; raises AssertionError at the end of a half."""
        yield
        if nextitem is None or _module(nextitem) != _module(item):
            now = _count_settled(self._at_module, 0.2)
            self._left[_module(item)] += now - self._at_module
            self._at_module = now
        if item in self._ends:
            added = _count_settled(self._before + ALLOWED, _PATIENCE) - self._before
            left = self._left.most_common()
            self._before, self._left = self._at_module, Counter()
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
