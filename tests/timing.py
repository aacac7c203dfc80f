"""Waiting and measuring that hold on a busy machine: no test passes or fails by how fast the machine is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds to wait for what is certain to come; a run that is sound needs a fraction of them."""


def wait_until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return as soon as a condition holds; raises AssertionError where it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"timed out after {seconds:g} seconds"
        time.sleep(0.01)


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU time that this thread spends on a call; what else the machine does is not in it."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def wait_for_the_end(name: str) -> None:
    """Wait until no thread of this name works any more."""
    wait_until(lambda: not any(thread.name == name for thread in threading.enumerate()))
