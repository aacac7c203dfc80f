"""Extraction of numbers with units, and of dates, from text: "2x", "2 times" and "×2" are the same quantity."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rag.text.dates import MONTHS

_UNDER_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBER_WORDS = {word: n for n, word in enumerate(_UNDER_TWENTY)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}

_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9, "t": 1e12, "trillion": 1e12}
UNITS: Mapping[str, tuple[str, float]] = {
    **dict.fromkeys(("x", "times", "fold"), ("x", 1.0)),
    **dict.fromkeys(("%", "percent"), ("%", 1.0)),
    **{"ps": ("s", 1e-12), "ns": ("s", 1e-9), "us": ("s", 1e-6), "ms": ("s", 1e-3)},
    **dict.fromkeys(("millisecond", "milliseconds"), ("s", 1e-3)),
    **dict.fromkeys(("microsecond", "microseconds"), ("s", 1e-6)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), ("s", 1.0)),
    **dict.fromkeys(("min", "minute", "minutes"), ("s", 60.0)),
    **dict.fromkeys(("h", "hour", "hours"), ("s", 3600.0)),
    **dict.fromkeys(("day", "days"), ("s", 86400.0)),
    **{"kb": ("B", 1e3), "mb": ("B", 1e6), "gb": ("B", 1e9), "tb": ("B", 1e12)},
    **{"mw": ("W", 1e-3), "w": ("W", 1.0), "kw": ("W", 1e3), "db": ("dB", 1.0)},
    **{"gflops": ("FLOPS", 1e9), "tflops": ("FLOPS", 1e12), "pflops": ("FLOPS", 1e15)},
    **dict.fromkeys(("bit", "bits"), ("bit", 1.0)),
    "fps": ("FPS", 1.0),
}
_NUMBER = re.compile(
    r"(?<![\w.])(?P<before>x\s?)?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<scale>[KkMBT](?![A-Za-z]))?"
    r"(?:[\s-]?(?P<first>%|[A-Za-z]+\b)(?:[\s-](?P<second>[A-Za-z]+\b))?)?"
)
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})[a-z]*\.?"
_DATE = re.compile(
    r"(?P<iso>\b(?P<iso_year>(?:19|20)\d\d)-(?P<iso_month>\d\d)(?:-(?P<iso_day>\d\d))?\b)"
    rf"|\b{_MONTH}\s+(?:(?P<day>\d{{1,2}}),?\s+)?(?P<year>(?:19|20)\d\d)\b"
)
_LONE_MONTH = re.compile(rf"\((?P<month>{'|'.join(MONTHS)})\)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a base unit ("s", "x", "%", "B" …), or "" where no known unit follows.

    `text` is its spelling, `number` the number as it is written, whatever its unit.
    """

    value: float
    unit: str = ""
    text: str = field(default="", compare=False)
    number: float = field(default=0.0, compare=False)

    def matches(self, other: Quantity) -> bool:
        """Return whether another quantity equals this one; a number without a unit matches any unit."""
        return math.isclose(self.value, other.value, rel_tol=1e-9) and self.unit in ("", other.unit)


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date with the parts that a text gives."""

    year: int | None
    month: int
    day: int | None = None

    def matches(self, other: PartialDate) -> bool:
        """Return whether another date agrees in every part that this one has."""
        return (
            self.month == other.month
            and self.year in (None, other.year)
            and (self.day is None or self.day == other.day)
        )


def extract_dates(text: str) -> tuple[tuple[PartialDate, ...], str]:
    """Return the dates of a text, and the text without them; a lone month counts only in parentheses."""
    found = [_date(match.groupdict()) for pattern in (_DATE, _LONE_MONTH) for match in pattern.finditer(text)]
    return tuple(found), _LONE_MONTH.sub(" ", _DATE.sub(" ", text))


def extract_quantities(text: str) -> tuple[tuple[Quantity, ...], str]:
    """Return the numbers of a text with their units, and the text without them."""
    found: list[Quantity] = []

    def take(match: re.Match[str]) -> str:
        quantity, rest = _quantity(match)
        found.append(quantity)
        return f" {rest} "

    rest = _NUMBER.sub(take, text.replace("×", "x"))
    return tuple(found), rest


def _quantity(match: re.Match[str]) -> tuple[Quantity, str]:
    """Return one quantity, and the matched words after it that are no unit."""
    number = float(match["digits"].replace(",", ""))
    value = number * _SCALES.get((match["scale"] or "").lower(), 1.0)
    words = [word for word in (match["first"], match["second"]) if word]
    if words and len(words[0]) > 1 and words[0].lower() in _SCALES:
        value *= _SCALES[words.pop(0).lower()]
    unit, factor = ("x", 1.0) if match["before"] else ("", 1.0)
    if words and words[0].lower() in UNITS:
        unit, factor = UNITS[words.pop(0).lower()]
    rest = " ".join(words)
    return Quantity(value * factor, unit, match[0].removesuffix(rest).strip(), number), rest


def _date(parts: Mapping[str, str | None]) -> PartialDate:
    year, day = (parts.get(f"iso_{name}") or parts.get(name) for name in ("year", "day"))
    month = parts.get("iso_month")
    number = int(month) if month else MONTHS.index(parts["month"] or "") + 1
    return PartialDate(int(year) if year else None, number, int(day) if day else None)
