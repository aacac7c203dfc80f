"""Citation markers in streamed text: checked against the evidence, made uniform and renumbered."""

from __future__ import annotations

import re
from collections.abc import Collection

_NUMBERS = r"\s*\d+(?:\s*[,;–—-]\s*\d+)*\s*"
_MARKER = re.compile(rf"(?P<space>[ \t]{{0,8}})[\[［【](?P<numbers>{_NUMBERS})[\]］】]")
_UNFINISHED = re.compile(r"[ \t]{0,8}(?:[\[［【][\d\s,;–—-]{0,220})?\Z")
_OPEN_MARKER = re.compile(r"[ \t]{0,8}[\[［【]\s*\d[\d\s,;–—-]*\Z")
_PART = re.compile(r"(\d+)(?:\s*[–—-]\s*(\d+))?")
_LONGEST = 200  # characters held back to see whether a marker ends
_DIGITS = 6
_LEAST_YEAR = 1900


class MarkerFilter:
    """Passes text on with every marker as [1][2]; numbers that name no evidence are removed and counted.

    Reads "[1, 3]", "[1–3]", full-width brackets, and markers split between pieces. Papers are renumbered in the order
    in which the text cites them: `cited` has the evidence's numbers, the first of which is shown as [1].
    """

    def __init__(self, numbers: Collection[int]) -> None:
        self.unknown = 0
        self.cited: list[int] = []
        self._numbers = set(numbers)
        self._held = ""
        self._before = ""  # the last character passed on

    def admit(self, number: int) -> None:
        """Accept a further number of evidence."""
        self._numbers.add(number)

    def feed(self, text: str) -> str:
        """Take a piece; return what can be shown so far."""
        self._held += text
        ready = next(_UNFINISHED.finditer(self._held)).start()
        if len(self._held) - ready > _LONGEST:
            ready = len(self._held)
        shown, self._held = self._held[:ready], self._held[ready:]
        return self._pass(shown)

    def flush(self) -> str:
        """Return what was held back, at the end of the text; a marker that never closed is dropped."""
        shown, self._held = self._held, ""
        return _OPEN_MARKER.sub("", self._pass(shown))

    def _pass(self, text: str) -> str:
        before, text = self._before, _MARKER.sub(self._check, text)
        self._before = text[-1:] or before
        return text

    def _check(self, match: re.Match[str]) -> str:
        digits = re.findall(r"\d+", match["numbers"])
        numbers = [int(number) for number in digits if len(number) <= _DIGITS]
        if len(digits) > 1 and numbers and (0 in numbers or min(numbers) >= _LEAST_YEAR):
            return match[0]  # an interval or a span of years
        known = list(dict.fromkeys(n for part in _PART.finditer(match["numbers"]) for n in self._known(part)))
        self.cited += [n for n in known if n not in self.cited]
        return match["space"] + "".join(f"[{self.cited.index(n) + 1}]" for n in known) if known else self._gap(match)

    def _gap(self, match: re.Match[str]) -> str:
        """Return what replaces a removed marker: a space where its surroundings could join into another marker."""
        before = match.string[: match.start()][-1:] or self._before
        return " " if before and (before in "[［【,;–—-" or before.isdigit()) else ""

    def _known(self, part: re.Match[str]) -> list[int]:
        """Return the numbers of "2" or "2–4" that name evidence, and count the others."""
        first, last = part[1], part[2] or part[1]
        if max(len(first), len(last)) > _DIGITS:
            self.unknown += 1
            return []
        low, high = sorted((int(first), int(last)))
        known = sorted(n for n in self._numbers if low <= n <= high)
        self.unknown += high - low + 1 - len(known)
        return known
