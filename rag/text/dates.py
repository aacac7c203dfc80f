"""Partial ISO dates: "2024", "2024-07" or "2024-07-30", each standing for all days that it covers."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_ISO = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")


def first_day(text: str) -> date:
    """Return the first day that a date covers; raises ValueError unless it is YYYY, YYYY-MM or YYYY-MM-DD."""
    year, month, day = _parts(text)
    return date(year, month or 1, day or 1)


def last_day(text: str) -> date:
    """Return the last day that a date covers; raises ValueError unless it is YYYY, YYYY-MM or YYYY-MM-DD."""
    year, month, day = _parts(text)
    return date(year, month or 12, day or monthrange(year, month or 12)[1])


def is_within(text: str, since: str | None, until: str | None) -> bool:
    """Return whether all days that a date covers lie within the inclusive bounds."""
    return (since is None or first_day(since) <= first_day(text)) and (
        until is None or last_day(text) <= last_day(until)
    )


def previous_date(text: str) -> str:
    """Return the preceding date of the same precision: "2023" for "2024", "2024-12" for "2025-01"."""
    return str(first_day(text) - timedelta(1))[: len(text)]


def next_date(text: str) -> str:
    """Return the following date of the same precision."""
    return str(last_day(text) + timedelta(1))[: len(text)]


def _parts(text: str) -> tuple[int, int | None, int | None]:
    match = _ISO.fullmatch(text)
    if not match or match[1] in ("0000", "9999"):
        raise ValueError(f"not a date of the form YYYY, YYYY-MM or YYYY-MM-DD: {text!r}")
    month, day = (None if part is None else int(part) for part in match.group(2, 3))
    try:
        date(int(match[1]), 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        raise ValueError(f"no such day: {text!r}") from None
    return int(match[1]), month, day
