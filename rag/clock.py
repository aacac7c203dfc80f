"""Wall-clock times of the steps of one answer."""

from __future__ import annotations

from time import perf_counter


class Clock:
    """Measures steps one after the other, in milliseconds since the clock was made."""

    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}
        self._start = self._last = perf_counter()

    def lap(self, step: str) -> None:
        """Note the time since the last lap under the name of the step that it took."""
        now = perf_counter()
        self.timings_ms[step] = self.timings_ms.get(step, 0.0) + 1000 * (now - self._last)
        self._last = now

    def stop(self) -> dict[str, float]:
        """Give all times, with their total."""
        return {**self.timings_ms, "total": 1000 * (perf_counter() - self._start)}
