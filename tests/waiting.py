"""Waits for what another thread or process brings about, as long as a busy machine may need for it."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds to wait for what is certain to come; a sound run never needs more than a fraction of them."""


def wait_until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return as soon as a condition holds; raises AssertionError where it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited for {seconds:g} seconds in vain"
        time.sleep(0.01)
