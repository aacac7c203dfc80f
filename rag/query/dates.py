"""Normalise a stretch of a question that states dates: "since 2023", "last two years", "between March and May 2024".

A stretch is understood only if all of its words are: "around 2012" and "since last summer" are not.
"""

from __future__ import annotations

from calendar import month_name
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from rag.query.numbers import read_number, split_tokens
from rag.text.dates import first_day, last_day, next_date, previous_date

Bounds = tuple[str | None, str | None]
"""The first and the last date, both inclusive; None where there is no bound."""

_MOST_TOKENS = 24
_MONTHS = {name.lower(): number for number, name in enumerate(month_name) if name}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": 9}
_DECADES = {"fifties": 195, "sixties": 196, "seventies": 197, "eighties": 198, "nineties": 199, "noughties": 200}
_PARTS = {
    "early": (1, 4), "mid": (5, 8), "late": (9, 12), "start": (1, 1), "beginning": (1, 1), "end": (12, 12),
    "spring": (3, 5), "summer": (6, 8), "autumn": (9, 11), "fall": (9, 11),
}  # fmt: skip
_FRACTIONS = {"half": 6, "quarter": 3}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1": 1, "2": 2, "3": 3, "4": 4}
_UNITS = {"day": 1.0, "week": 7.0, "month": 30.44, "quarter": 91.31, "year": 365.25, "yr": 365.25, "decade": 3652.5}

_EARLIER = frozenset("before older earlier prior pre predating until till up through by < ≤ latest old".split())
_LATER = frozenset("since after newer later post onward onwards beyond > ≥ + earliest starting recent".split())
_INCLUSIVE = frozenset("or until till up through by ≤ ≥ + since onward onwards latest earliest starting least".split())
_TRAILING = {"on": "onwards", "up": "onwards", "-": "onwards", "–": "onwards", "and": "or"}  # as in "2021-"
_COMPARED = frozenset("than least most before since after".split())
_NEGATIONS = frozenset("not no never".split())
_NEUTRAL = frozenset(
    "a an the of at as in from to and or between during within over through than dated published written released"
    " posted submitted appeared out came year years only just all more most least period paper papers work works ones"
    " those that which on were was is are be been it s , . : ; ? ! ( ) – — - / & ' ’ = date".split()
)


@dataclass(frozen=True, slots=True)
class _Period:
    """A period of time; an open one, such as "the last two years", has no last date.

    `ends` marks the end of a year, before which is all of the year, and `ago` a day that only a comparison makes sense
    with, as in "older than three years".
    """

    since: str
    until: str | None
    ends: bool = False
    ago: bool = False


def read_dates(text: str, today: date) -> Bounds | None:
    """Return the bounds that a stretch states; None if it is not understood. `today` resolves relative dates."""
    tokens = split_tokens(text)
    if len(tokens) > _MOST_TOKENS:
        return None
    try:
        bounds = _bounds(tokens, today)
    except ValueError:  # as in 31 June 2024
        return None
    if bounds is None or bounds == (None, None):
        return None
    since, until = bounds
    return None if since and until and first_day(since) > last_day(until) else bounds


def join_dates(found: Iterable[Bounds]) -> Bounds:
    """Return the intersection of bounds or, if it is empty ("2022 … 2024"), the range that covers them."""
    every = tuple(found)
    starts = [since for since, _ in every if since]
    ends = [until for _, until in every if until]
    since, until = max(starts, key=first_day, default=None), min(ends, key=last_day, default=None)
    if not since or not until or first_day(since) <= last_day(until):
        return since, until
    return (
        min(starts, key=first_day) if len(starts) == len(every) else None,
        max(ends, key=last_day) if len(ends) == len(every) else None,
    )


def _bounds(tokens: Sequence[str], today: date) -> Bounds | None:
    """Split tokens into periods and the words around them, and apply the words to the periods."""
    periods: list[_Period] = []
    words: list[list[str]] = [[]]
    at = 0
    while at < len(tokens):
        length, period = _period(tokens[at:], today)
        if period is None:
            words[-1].append(tokens[at])
        else:
            periods.append(period)
            words.append([])
        at += length
    known = _EARLIER | _LATER | _NEGATIONS | _NEUTRAL
    if not periods or len(periods) > 2 or not known.issuperset(word for part in words for word in part):
        return None
    if len(periods) == 2 and not (_direction(words[0]) and _direction(words[1])):
        return None if any(each.ago for each in periods) else _covering(periods)
    trailing = words.pop()
    words[-1] += [_TRAILING.get(word, word) for word in trailing]
    stated = [_directed(period, part) for period, part in zip(periods, words, strict=True)]
    known_bounds = [each for each in stated if each]
    return join_dates(known_bounds) if len(known_bounds) == len(stated) else None


def _covering(periods: Sequence[_Period]) -> Bounds:
    since = min((each.since for each in periods), key=first_day)
    ends = [each.until for each in periods]
    return since, None if None in ends else max((end for end in ends if end), key=last_day)


def _directed(period: _Period, words: Sequence[str]) -> Bounds | None:
    """Apply words such as "before" and "or later" to a period."""
    direction, negated = _direction(words), not _NEGATIONS.isdisjoint(words)
    until = period.until or period.since
    if direction is None or (period.ago and _COMPARED.isdisjoint(words)):
        return None if negated or period.ago else (period.since, period.until)
    inclusive = negated or period.ends or not _INCLUSIVE.isdisjoint(words)
    if (direction == "earlier") != negated:
        return None, until if inclusive else previous_date(period.since)
    return period.since if inclusive or period.until is None else next_date(until), None


def _direction(words: Sequence[str]) -> str | None:
    """Return the direction of the first word that has one."""
    for word in words:
        if word in _EARLIER or word in _LATER:
            return "earlier" if word in _EARLIER else "later"
    return None


def _period(tokens: Sequence[str], today: date) -> tuple[int, _Period | None]:
    """Return the period that tokens begin with, and how many of them state it; (1, None) if they begin with none."""
    for form in (_numeric, _written, _part, _relative, _duration, _year):
        length, period = form(tokens, today)
        if length:
            return length, period
    return 1, None


_NONE: tuple[int, None] = (0, None)


def _numeric(tokens: Sequence[str], today: date) -> tuple[int, _Period | None]:
    """Read 2024-03, 2024-03-05, 03/2024 and 2022-23."""
    first, mark, second = _padded(tokens, 3)
    if not (first.isdigit() and second.isdigit()) or mark not in ("-", "/", "–"):
        return _NONE
    if len(first) == 4 and len(second) == 2 and int(second) > 12:
        return 3, _Period(first, first[:2] + second)
    if len(first) == 4 and len(second) == 2:
        dash, day = _padded(tokens[3:], 2)
        whole = f"{first}-{second}-{day}" if dash == mark and day.isdigit() and len(day) == 2 else f"{first}-{second}"
        return (5 if len(whole) == 10 else 3), _Period(whole, whole)
    if mark == "/" and len(first) <= 2 and len(second) == 4:
        return 3, _same(f"{second}-{int(first):02}")
    return _NONE


def _written(tokens: Sequence[str], today: date) -> tuple[int, _Period | None]:
    """Read "March 2024", "5 March 2024", "March 5th, 2024" and "October"; of months without a year, the last."""
    at, day = 0, None
    if tokens[0].isdigit() and len(tokens[0]) <= 2:
        day, at = int(tokens[0]), 1
        at += _skip(tokens[at:], "st nd rd th of")
    month = _MONTHS.get(_padded(tokens[at:], 1)[0])
    if month is None:
        return _NONE
    at += 1 + _skip(tokens[at + 1 :], ".")
    later = _padded(tokens[at:], 1)[0]
    if day is None and later.isdigit() and len(later) <= 2:
        day, at = int(later), at + 1
        at += _skip(tokens[at:], "st nd rd th")
    ahead = at + _skip(tokens[at:], ", of year")
    year = _padded(tokens[ahead:], 1)[0]
    if _is_year(year):
        at = ahead + 1
    else:
        year = next(filter(_is_year, tokens[at:]), str(today.year - (month > today.month)))
    return at, _same(f"{year}-{month:02}" + (f"-{day:02}" if day else ""))


def _part(tokens: Sequence[str], today: date) -> tuple[int, _Period | None]:
    """Read "late 2024", "Q3 2024", "the first half of 2024" and "the end of 2024"."""
    one, two = _padded(tokens, 2)
    if one in _PARTS:
        (first, last), at = _PARTS[one], 1
    elif one in _ORDINALS and two in _FRACTIONS:
        months, number = _FRACTIONS[two], _ORDINALS[one]
        (first, last), at = (months * (number - 1) + 1, months * number), 2
    elif one == "q" and two in _ORDINALS:
        (first, last), at = (3 * _ORDINALS[two] - 2, 3 * _ORDINALS[two]), 2
    else:
        return _NONE
    at += _skip(tokens[at:], "- of in the year")
    year = _padded(tokens[at:], 1)[0]
    if not _is_year(year) or last > 12 or _padded(tokens[at + 1 :], 1)[0] == "s":
        return _NONE
    return at + 1, _Period(f"{year}-{first:02}", f"{year}-{last:02}", ends=one == "end")


def _relative(tokens: Sequence[str], today: date) -> tuple[int, _Period | None]:
    """Read "last year", "this month", "the past year", "the last two years", "today"."""
    if tokens[0] in ("today", "now"):
        return 1, _same(str(today))
    if tokens[0] == "yesterday":
        return 1 + 2 * (list(tokens[1:3]) == ["'", "s"]), _same(str(today - timedelta(1)))
    article = tokens[0] == "the"
    which, *rest = _padded(tokens[article:], 5)
    if which not in ("last", "past", "previous", "this", "current", "recent"):
        return _NONE
    length, number = read_number(rest)
    unit = rest[length].removesuffix("s") if length < len(rest) else ""
    if unit not in _UNITS:
        return _NONE
    if number is None and rest[length].endswith("s"):  # "recent years"
        return _NONE
    used = article + 1 + length + 1
    calendar = unit in ("year", "yr", "month") and number is None and not (article or which in ("past", "recent"))
    if which in ("this", "current") or calendar:
        if unit not in ("year", "yr", "month"):
            return (used, _Period(_back(today, unit, 1), None)) if unit == "week" else _NONE
        this = str(today)[: 7 if unit == "month" else 4]
        return used, _same(this if which in ("this", "current") else previous_date(this))
    return used, _Period(_back(today, unit, number or 1), None)


def _duration(tokens: Sequence[str], today: date) -> tuple[int, _Period | None]:
    """Read "three years", as in "older than three years", as the day that long ago."""
    length, number = read_number(tokens)
    unit = _padded(tokens[length:], 1)[0].removesuffix("s")
    if number is None or unit not in _UNITS or (length == 1 and _is_year(tokens[0])):
        return _NONE
    return length + 1 + _skip(tokens[length + 1 :], "ago"), replace(_same(_back(today, unit, number)), ago=True)


def _year(tokens: Sequence[str], today: date) -> tuple[int, _Period | None]:
    """Read "2024", "'24", "the 2010s", "the 90s" and "the nineties"."""
    first, second = _padded(tokens, 2)
    if first in _DECADES:
        return 1, _Period(f"{_DECADES[first]}0", f"{_DECADES[first]}9")
    if first in ("'", "’") and second.isdigit() and len(second) == 2:
        rest, year = 2, _century(second)
    elif _is_year(first) or (first.isdigit() and len(first) == 2 and second == "s"):
        rest, year = 1, first if len(first) == 4 else _century(first)
    else:
        return _NONE
    apostrophe = _skip(tokens[rest:], "' ’")
    if _padded(tokens[rest + apostrophe :], 1)[0] == "s":
        own = year.endswith("0") and not apostrophe
        return rest + apostrophe + 1, _Period(year, f"{year[:3]}9") if own else _same(year)
    return rest, _same(year)


def _same(day: str) -> _Period:
    first_day(day)
    return _Period(day, day)


def _back(today: date, unit: str, number: int) -> str:
    """Return the date some units ago: the month, as many papers are dated by month only, except for days and weeks."""
    start = str(today - timedelta(round(_UNITS[unit] * min(number, 1000))))
    return start if unit in ("day", "week") else start[:7]


def _century(two: str) -> str:
    return f"{'19' if two >= '70' else '20'}{two}"


def _is_year(token: str) -> bool:
    return len(token) == 4 and token.isdigit() and "1900" <= token < "2100"


def _skip(tokens: Sequence[str], words: str) -> int:
    """Return how many tokens at the beginning are among some words."""
    skipped = words.split()
    return next((i for i, token in enumerate(tokens) if token not in skipped), len(tokens))


def _padded(tokens: Sequence[str], count: int) -> list[str]:
    return [*tokens[:count], *[""] * (count - len(tokens))]
