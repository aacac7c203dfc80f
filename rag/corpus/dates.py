"""Dates as files of papers write them, as ISO dates that are as precise as the text is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rag.text.dates import MONTHS, first_day

_YEAR = re.compile(r"(?<![\d.])(1[4-9]\d\d|20\d\d|21[0-4]\d)(?!\d)")
_NUMERIC = re.compile(r"(?<!\d)([12]\d{3})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?!\d)")
_COMPACT = re.compile(r"([12]\d{3})(0[1-9]|1[0-2])([0-2]\d|3[01])?")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})[-/.](\d{1,2})[-/.]([12]\d{3})(?!\d)")
_MONTH = re.compile(rf"\b({'|'.join(MONTHS)})[a-z]*\b", re.IGNORECASE)
_DAY = re.compile(r"(?<![\d:./-])(\d{1,2})(?:st|nd|rd|th)?(?![\d:/-])")
_MILLISECONDS = 100_000_000_000
_SECONDS = 100_000_000


def to_date(value: Any) -> str | None:
    """Return the ISO date that a number, a text or CSL's date-parts stand for; None where there is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _from_number(value)
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, Mapping):
        return next(
            filter(None, (to_date(value.get(name)) for name in ("date-parts", "raw", "literal", "date-time"))), None
        )
    if isinstance(value, Sequence):
        if value and isinstance(value[0], list | tuple):
            return to_date(value[0])
        parts = [part for part in map(_integer, value) if part is not None]
        return join_date(*parts[:3]) if parts else None
    return None


def is_ambiguous(value: Any) -> bool:
    """Return whether a text has a date in numbers of which it does not say what is the month: "03/04/2021"."""
    match = _DAY_FIRST.search(value) if isinstance(value, str) and not _NUMERIC.search(value) else None
    return match is not None and match[1].zfill(2) != match[2].zfill(2) and max(int(match[1]), int(match[2])) <= 12


def join_date(year: Any, month: Any = None, day: Any = None) -> str | None:
    """Return the ISO date of a year, a month and a day, as precise as they make a date; None without a year."""
    text = to_date(year) if not isinstance(year, int) else f"{year:04d}" if 1400 <= year < 2150 else None
    if text is None:
        return None
    month = month_number(month)
    if month is None or len(text) > 4:
        return text
    text = f"{text}-{month:02d}"
    number = _integer(day)
    return _valid(f"{text}-{number:02d}", text) if number else text


def month_number(value: Any) -> int | None:
    """Return the month from 1 of a number or a name: "07", "jul", "July"; of a range, the first."""
    if isinstance(value, str) and (match := _MONTH.search(value)):
        return MONTHS.index(match[1].capitalize()) + 1
    number = _integer(value)
    return number if number is not None and 1 <= number <= 12 else None


def _from_number(value: float) -> str | None:
    if not math.isfinite(value) or value != int(value):
        return None
    number = int(value)
    if number > _SECONDS:
        seconds = number / 1000 if number > _MILLISECONDS else number
        try:
            return datetime.fromtimestamp(seconds, UTC).date().isoformat()
        except (OverflowError, ValueError, OSError):
            return None
    return _from_text(str(number))


def _from_text(text: str) -> str | None:
    if match := _NUMERIC.search(text) or _COMPACT.fullmatch(text):
        return join_date(int(match[1]), match[2], match[3])
    if match := _DAY_FIRST.search(text):
        first, second = int(match[1]), int(match[2])
        if first > 12 >= second:
            return join_date(int(match[3]), second, first)
        if second > 12 >= first:
            return join_date(int(match[3]), first, second)
        return join_date(int(match[3]), first if first == second else None, first)
    if not (match := _YEAR.search(text)):
        return None
    year, rest = int(match[1]), f"{text[: match.start()]} {text[match.end() :]}"
    months = _MONTH.findall(rest)
    days = _DAY.findall(rest)
    return join_date(year, months[0] if months else None, days[0] if len(months) == 1 and len(days) == 1 else None)


def _valid(text: str, otherwise: str) -> str:
    try:
        first_day(text)
    except ValueError:
        return otherwise
    return text


def _integer(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip().removesuffix(".0") if value is not None else ""
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else None
