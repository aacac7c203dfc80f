"""How long a guess must wait: after a few that failed, each next one twice as long, up to a minute."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_FREE = 5
_MOST = 60.0  # seconds
_KEPT = 4096  # keys; the ones that failed longest ago are forgotten first


class Throttle:
    """Counts what failed, by key (an address, or an address and a name)."""

    def __init__(self, now: Callable[[], float] = time.monotonic, kept: int = _KEPT) -> None:
        self._now = now
        self._kept = kept
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def begin(self, key: str, free: int = _FREE) -> float:
        """Say how many seconds an attempt must still wait; 0 lets it begin, and holds it for failed until forgiven."""
        count, last = self._failed.get(key, (0, 0.0))
        now = self._now()
        wait = last + min(2.0 ** (count - free), _MOST) - now if count >= free else 0.0
        if wait > 0:
            return wait
        if count >= free and now - last > 10 * _MOST:
            count = 0
        self._failed[key] = (count + 1, now)
        self._failed.move_to_end(key)
        while len(self._failed) > self._kept:
            self._failed.popitem(last=False)
        return 0.0

    def forgive(self, key: str) -> None:
        """Forget what failed under a key, after a right password."""
        self._failed.pop(key, None)

    def __len__(self) -> int:
        return len(self._failed)
