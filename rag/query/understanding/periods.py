"""Parse periods into their first and last dates: "late 2024", "the 2010s"."""

from __future__ import annotations

import re

_MONTHS = "january february march april may june july august september october november december".split()
YEAR = r"(?:19[5-9]\d|20[0-3]\d)"
_MONTH = rf"(?:{'|'.join(f'{name}|{name[:3]}' for name in _MONTHS)}|sept)\b\.?"
_DAY = r"[0-3]?\d(?:st|nd|rd|th)?"
_FORMS = (
    rf"{YEAR}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?(?!\w|-\d)",
    rf"(?:{_DAY}\s+(?:of\s+)?)?{_MONTH}(?:\s+{_DAY})?,?\s+(?:of\s+)?{YEAR}",
    rf"{_MONTH}\s*(?:to|and|through|[-–—])\s*{_MONTH}\s+{YEAR}",
    rf"(?:the\s+)?(?:early|mid|late|(?:first|second)\s+half\s+of|Q[1-4](?:\s+of)?)[\s-]+{YEAR}",
    r"(?:the\s+)?(?:19[5-9]0|20[0-3]0)['’]?s",
)
EXACT = rf"(?:{'|'.join(_FORMS)})"
"""Matches a period that is unambiguous by its form; a bare year is not, as it may be any number."""
PERIOD = rf"(?:{EXACT}|(?:the\s+)?(?:(?:year|end\s+of)\s+)?{YEAR})"


def period(text: str) -> tuple[str, str]:
    """Parse a match of PERIOD into its first and last dates, in ISO format and as precise as the text."""
    text = text.strip().lower()
    year = re.findall(YEAR, text)[0]
    if re.fullmatch(r"\d{4}(-\d\d){1,2}", text):
        return text, text
    if text.endswith("s"):
        return year, f"{year[:3]}9"
    if months := [
        _MONTHS.index(name) + 1 for word in re.findall(r"[a-z]+", text) for name in _MONTHS if _is(word, name)
    ]:
        day = re.search(r"\b\d{1,2}(?!\d)", text)
        suffix = f"-{int(day[0]):02}" if day else ""
        return f"{year}-{months[0]:02}{suffix}", f"{year}-{months[-1]:02}{suffix}"
    first, last = _months(text)
    return (year, year) if (first, last) == (1, 12) else (f"{year}-{first:02}", f"{year}-{last:02}")


def _is(word: str, month: str) -> bool:
    return len(word) >= 3 and (month.startswith(word) or word == "sept" == month[:4])


def _months(text: str) -> tuple[int, int]:
    """Return the first and last month, from 1, of a part of a year; early, mid and late are thirds."""
    if quarter := re.search(r"\bq([1-4])", text):
        return 3 * int(quarter[1]) - 2, 3 * int(quarter[1])
    parts = {"first half": (1, 6), "second half": (7, 12), "early": (1, 4), "mid": (5, 8), "late": (9, 12)}
    spaced = re.sub(r"\s+", " ", text)
    return next((months for part, months in parts.items() if part in spaced), (1, 12))
