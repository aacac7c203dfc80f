"""Recognise publication dates: "before 2018", "in March 2025", "in the last two years".

A bare year is a publication date only if its context supports it: not in "ImageNet 2012", "in 2000 steps" or "data from
2019". Relative dates are resolved against a given day.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from rag.query.understanding.mentions import NUMBER, PAPER, WORK, Mention, blank, number
from rag.query.understanding.periods import EXACT, PERIOD, YEAR, period
from rag.text.dates import first_day, next_date, previous_date
from rag.types import Filters

_Bounds = tuple[str | None, str | None]
_Read = Callable[[re.Match[str], date], _Bounds]

_OF_PAPERS = (
    r"(?:dated|published|posted|submitted|listed|appear(?:ed|ing|s)?|c[ao]me\s+out|uploaded|released|printed|written)"
)
_LEAD = re.compile(
    rf"(?:(?:(?:that|which|and|,)\s+)?(?:(?:is|are|was|were|have\s+been|has\s+been|got|did|do)\s+)?"
    rf"(?:first\s+|originally\s+|only\s+)?{_OF_PAPERS}\s+|(?:that|which)\s+(?:are|is|were|was)\s+|\bonly\s+)$",
    re.IGNORECASE,
)
_CLOSE = re.compile(rf"\b{WORK}(?:\s+here)?,?\s+$", re.IGNORECASE)
_NEAR = re.compile(rf"\b(?:{WORK}|listings?)\b", re.IGNORECASE)
_OTHER_THINGS = re.compile(
    r"\b(?:data|datasets?|images?|records?|events?|prices?|tweets?|news|problems|competitions?|seasons?|census"
    r"|elections?"
    r"|logs?|traces?|texts?|documents?|challenges?|contests?|versions?|editions?|tasks?|exams?|puzzles?|snapshots?"
    r"|dumps?"
    r"|gpus?|cards?|chips?|releases?|released|launched|sold|built|introduced|recorded|collected|founded|held|taken"
    r"|sampled|trained|known|measured|(?:news|blog|wikipedia|wiki)\s+(?:articles?|posts?|entries)|questions?"
    r"|knowledge|cutoff|facts)\s+$",
    re.IGNORECASE,
)
_FOLLOWS = re.compile(
    r"\s*(?:$|[?.!,;:)\]–—]|(?:and|or|but|on|about|that|which|who|whose|with|without|by|from|for|in|at|of|to|as|than"
    r"|only|alone|here|please|do|does|did|is|are|was|were|have|has|can|there|where|when|vs|versus|differ|compare"
    r"|(?:us|apply|discuss"
    r"|cover|propos|study|address|deal|concern|regard|introduc|improv|show|explor|compar|focus|present|tackl)(?:ing|ed)"
    rf"|{WORK})\b)",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b(?!(?:Which|What|List|Show|Find|Give|Name|All|Any|The|Are|Is|And)\b)[A-Z]\S*\s+$")
_UNIT = re.compile(
    r"\s*[-–]?\s*(?:tokens?|steps?|gpus?|hours?|fps|samples?|layers?|iterations?|images?|points?)\b", re.I
)


def date_mentions(question: str, today: date) -> list[Mention]:
    """Find the mentions of publication dates, in the order of the question; `today` resolves relative dates."""
    found: list[Mention] = []
    rest = question
    for pattern, read in _RULES:
        taken = []
        for match in pattern.finditer(rest):
            lead = _LEAD.search(rest[: match.start()])
            start = lead.start() if lead else match.start()
            close = _is_close(rest, start, lead)
            if match.groupdict().get("near") is not None and not close:
                continue
            taken.append((start, match.end()))  # even if it dates something else: no part of it may match again
            since, until = read(match, today)
            if _dates_papers(rest, start, match, close) and _possible(since, until):
                found.append(Mention(start, match.end(), Filters(since, until)))
        rest = blank(rest, taken)
    return sorted(found, key=lambda mention: mention.start)


def _is_close(question: str, start: int, lead: re.Match[str] | None) -> bool:
    """Return whether a phrase belongs to papers: a word for papers precedes it, or a verb such as "published"."""
    if _CLOSE.search(question[:start]):
        return True
    return bool(lead) and (bool(_NEAR.search(question)) or "dated" in question[start:].split(maxsplit=1)[0].lower())


def _dates_papers(question: str, start: int, match: re.Match[str], close: bool) -> bool:
    """Return whether the context of a phrase allows it to date papers."""
    earlier = question[:start]
    if _OTHER_THINGS.search(earlier) or (not close and _OTHER_THINGS.search(question[: match.start()])):
        return False
    if match.groupdict().get("bare") and _NAME.search(earlier):
        return False  # "on ImageNet 2012 papers": the year is part of a name
    if match.groupdict().get("bare"):
        return True
    if not re.search(rf"(?<!\d-){YEAR}$", match[0]) or re.search(rf"{EXACT}$", match[0], re.IGNORECASE):
        return True
    return not _UNIT.match(question, match.end()) if close else bool(_FOLLOWS.match(question, match.end()))


def _possible(since: str | None, until: str | None) -> bool:
    try:
        Filters(since, until)
    except ValueError:  # as in 31 June 2024
        return False
    return True


def _during(match: re.Match[str], today: date) -> _Bounds:
    return period(match["date"])


def _range(match: re.Match[str], today: date) -> _Bounds:
    one, other = period(match["date"]), period(match["other"])
    return min(one[0], other[0], key=first_day), max(one[1], other[1], key=first_day)


def _since(match: re.Match[str], today: date) -> _Bounds:
    return period(match["date"])[0], None


def _until(match: re.Match[str], today: date) -> _Bounds:
    return None, period(match["date"])[1]


def _before(match: re.Match[str], today: date) -> _Bounds:
    since, until = period(match["date"])
    return None, until if "end" in match["date"].lower() else previous_date(since)


def _after(match: re.Match[str], today: date) -> _Bounds:
    return next_date(period(match["date"])[1]), None


def _past(match: re.Match[str], today: date) -> _Bounds:
    """Count back from today; except for weeks, the start is a whole month, as many papers are dated by month only."""
    days = {"year": 365.25, "month": 30.44, "week": 7, "decade": 3652.5}[match["unit"].lower()]
    start = str(today - timedelta(round(days * number(match["number"] or "1"))))
    return (start if days == 7 else start[:7]), None


def _calendar(match: re.Match[str], today: date) -> _Bounds:
    this = str(today)[: 4 if match["unit"].lower() == "year" else 7]
    exact = previous_date(this) if match["which"].lower() in ("last", "previous") else this
    return exact, None if match["since"] else exact


_WHEN, _OTHER = rf"(?P<date>{PERIOD})", rf"(?P<other>{PERIOD})"
_FROM = r"(?:\b(?:from|in)\s+)?"
_NO_DATE = rf"(?!\s+{PERIOD})"
_LATER = r"(?:later|newer|after|onwards?|since|beyond|more\s+recent)"
# Longer phrases first: matched text does not match again. A group "near" requires `_is_close`.
_RULES: tuple[tuple[re.Pattern[str], _Read], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        (
            rf"\b(?:from|between|in|during)\s+{_WHEN}\s*(?:to|and|or|through|until|till|up\s+to|[-–—])\s*{_OTHER}\b",
            _range,
        ),
        (rf"(?<![\w.-]){_WHEN}\s*(?:to|through|[-–—])\s*{_OTHER}\b", _range),
        (rf"{_FROM}(?<![\w.-]){_WHEN}\s*(?:and|or)\s+{_LATER}\b{_NO_DATE}", _since),
        (rf"\b(?:from|as\s+of)\s+{_WHEN}\s+(?:onwards?|forwards?|on(?=\s*[?.,;:]|\s*$))", _since),
        (rf"{_FROM}(?<![\w.-]){_WHEN}\s*(?:and|or)\s+(?:earlier|older|before)\b{_NO_DATE}", _until),
        (
            rf"{_FROM}\b(?<!not\s)(?<!no\s)(?:before|(?:earlier|older)\s+than|prior\s+to|predating"
            rf"|pre[-\s]?)\s*{_WHEN}\b",
            _before,
        ),
        (rf"{_FROM}\b(?<!not\s)(?<!no\s)(?:after|(?:later|newer|more\s+recent)\s+than|post[-\s]?)\s*{_WHEN}\b", _after),
        (rf"\b(?:since|no\s+(?:earlier|older)\s+than|starting\s+(?:in|from)|not\s+before)\s+{_WHEN}\b", _since),
        (rf"\b(?:until|till|up\s+to|through|no\s+later\s+than|not\s+after)\s+{_WHEN}\b", _until),
        (rf"^(?:(?:and|so|but)\s+)?(?:what|how)\s+about\s+{_WHEN}(?=\s*\?*$)", _during),
        (rf"(?P<near>)\bby\s+{_WHEN}\b", _until),
        (rf"\b(?:in|from|during|throughout|within|between)\s+(?:only\s+)?{_WHEN}(?:['’]s)?(?!\w)", _during),
        (rf"(?P<near>)(?:\bof\s+)?(?<![\w.-]){_WHEN}\b", _during),
        (rf"(?:\bon\s+)?(?<![\w.-])(?P<date>{EXACT})(?:['’]s)?(?!\w)", _during),
        (
            rf"(?<![\w.-])(?P<date>(?P<bare>{YEAR}))(?:['’]s)?(?=\s+(?:[\w-]+\s+){{0,3}}(?:{PAPER}|works|surveys)\b"
            rf"|\s+work\s+(?:on|by|about|is|that)\b)",
            _during,
        ),
        (
            rf"(?:\b(?:in|from|of|during|within)\s+|(?P<near>)(?:\b(?:over|for)\s+)?)the\s+(?:last|past"
            rf"|previous(?=\s+(?:\d|[a-z]+\s+[a-z]+s\b)))\s+"
            rf"(?:(?P<number>{NUMBER})\s+)?(?P<unit>year|month|week|decade)s?\b",
            _past,
        ),
        (
            r"(?:(?P<since>\bsince\s+)|\b(?:in|from|during|of)\s+)?\b(?P<which>last|this|previous)\s+"
            r"(?P<unit>year|month)\b(?:['’]s)?",
            _calendar,
        ),
    )
)
