"""How long a guess must wait: after a few that failed, each next one twice as long, up to a minute."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

FREE = 5
_MOST = 60.0  # seconds
_FORGOTTEN = 900.0  # seconds after which nothing is held against anybody
_KEPT = 4096  # keys; the ones that failed longest ago are forgotten first


class Throttle:
    """Counts what failed, by key (an address, or an address and a name)."""

    def __init__(self, now: Callable[[], float] = time.monotonic, kept: int = _KEPT) -> None:
        self._now = now
        self._kept = kept
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str, free: int = FREE) -> float:
        """Say how many seconds the next attempt must still wait."""
        count, last = self._failed.get(key, (0, 0.0))
        since = self._now() - last
        if count < free or since > _FORGOTTEN:
            return 0.0
        return max(0.0, min(2.0 ** min(count - free, 10), _MOST) - since)

    def count(self, key: str) -> None:
        """Hold an attempt for failed, from its beginning on: others beside it must not slip through."""
        count, last = self._failed.get(key, (0, 0.0))
        now = self._now()
        self._failed[key] = (1 if now - last > _FORGOTTEN else count + 1, now)
        self._failed.move_to_end(key)
        while len(self._failed) > self._kept:
            self._failed.popitem(last=False)

    def forgive(self, key: str, attempts: int | None = None) -> None:
        """Take back so many failures, or all, after a right password."""
        count, last = self._failed.pop(key, (0, 0.0))
        left = 0 if attempts is None else count - attempts
        if left > 0:
            self._failed[key] = (left, last)

    def __len__(self) -> int:
        return len(self._failed)
