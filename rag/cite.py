"""Citation markers in text that arrives in pieces (pure): found, checked against the evidence, made uniform."""

from __future__ import annotations

import re

_NUMBERS = r"\s*\d+(?:\s*[,;–—-]\s*\d+)*\s*"
_MARKER = re.compile(rf"(?P<space>[ \t]*)[\[［【](?P<numbers>{_NUMBERS})[\]］】]")
_UNFINISHED = re.compile(r"[ \t]*(?:[\[［【][\d\s,;–—-]*)?\Z")
_PART = re.compile(r"(\d+)(?:\s*[–—-]\s*(\d+))?")
_LONGEST = 200  # characters that are held back to see whether a marker ends
_DIGITS = 6


class MarkerFilter:
    """Passes text on with every marker as [1][2]; a number that names no evidence is removed and counted.

    Reads "[1, 3]", "[1–3]", full-width brackets, and markers cut anywhere between two pieces.
    """

    def __init__(self, count: int) -> None:
        self.unknown = 0
        self.cited: list[int] = []
        self._count = count
        self._held = ""

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown so far."""
        self._held += text
        unfinished = _UNFINISHED.search(self._held)
        ready = len(self._held) if unfinished is None else unfinished.start()
        if len(self._held) - ready > _LONGEST:
            ready = len(self._held)
        shown, self._held = self._held[:ready], self._held[ready:]
        return _MARKER.sub(self._check, shown)

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        shown, self._held = self._held, ""
        return _MARKER.sub(self._check, shown)

    def _check(self, match: re.Match[str]) -> str:
        known = list(dict.fromkeys(n for part in _PART.finditer(match["numbers"]) for n in self._known(part)))
        self.cited += [n for n in known if n not in self.cited]
        return match["space"] + "".join(f"[{n}]" for n in known) if known else ""

    def _known(self, part: re.Match[str]) -> list[int]:
        """List the numbers of "2" or "2–4" that name evidence, and count the others."""
        first, last = part[1], part[2] or part[1]
        if max(len(first), len(last)) > _DIGITS:
            self.unknown += 1
            return []
        low, high = sorted((int(first), int(last)))
        known = [n for n in range(max(low, 1), min(high, self._count) + 1)]
        self.unknown += high - low + 1 - len(known)
        return known
