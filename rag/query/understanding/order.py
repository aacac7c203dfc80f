"""Recognise an order by date: "the three newest", "in order of appearance", "oldest first"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.query.understanding.mentions import NUMBER, WORK, number
from rag.types import Order

_NEW, _OLD = r"(?:newest|latest|most\s+recent)", r"(?:oldest|earliest)"
_ONE = rf"(?:{WORK}|one|ones|entries)"
_DATE = r"(?:date|year|age|(?:publication|posting|listing|release|appearance)(?:\s+date)?|time)"
_SUPERLATIVE = re.compile(
    rf"(?:\bthe\s+)?(?:\b(?P<n>{NUMBER})\s+)?\b(?P<which>{_NEW}|{_OLD}"
    rf"|first(?=\s+(?:{NUMBER}\s+)?(?:ever\s+)?{WORK}\b))"
    rf"(?:\s+(?P<m>{NUMBER}))?(?=(?:\s+(?!and\b|of\b|that\b|which\b)[\w-]+){{0,4}}?\s+{_ONE}\b|\s*(?:$|[?.!,;:])"
    rf"|\s+(?:of\s+(?:these|them|those|all)|first)\b)",
    re.IGNORECASE,
)
_PLURAL = re.compile(
    r"\b(?:papers|works|ones|studies|articles|preprints|surveys|publications|first|research)\b", re.IGNORECASE
)
_ASIDE = re.compile(
    rf"(?:[,;]?\s*\band\s+)?(?:please\s+)?(?:\b(?:say|tell(?:\s+me)?|name|note|mark|state"
    rf"|show)\s+)?\bwhich(?:\s+one)?\s+(?:of\s+(?:them|these)\s+)?"
    rf"(?:is|was|are)\s+(?:the\s+)?(?P<which>{_NEW}|{_OLD})(?:\s+(?:one|{WORK}))?",
    re.IGNORECASE,
)
_FIRST = re.compile(
    rf"(?:,\s*|\(|\b(?:with\s+)?(?:the\s+)?)(?P<which>{_NEW}|{_OLD})\s+(?:ones?\s+)?first\b\)?", re.IGNORECASE
)
_REVERSE = r"(?:(?P<reverse>reverse(?:d)?|descending)\s+)?"
_SORTED = re.compile(
    rf"(?:\b(?:put|place|arrange|sort(?:ed)?|order(?:ed)?|rank(?:ed)?|list(?:ed)?)\s+(?P<all>(?:(?:these|them|those"
    rf"|all|the)\s+(?:of\s+(?:them|these)\s+)?)?(?:{NUMBER}\s+)?(?:{WORK}\s+)?)?)?"
    rf"(?:\bin\s+(?:the\s+)?{_REVERSE}(?:order|sequence)\s+(?:of|in\s+which|by)\s+(?:(?:their\s+)?{_DATE}"
    rf"|they\s+(?:appeared|came\s+out|were\s+\w+))"
    rf"|\bin\s+(?:a\s+)?(?P<reverse2>reverse(?:d)?\s+)?(?:chronological|temporal)\s+order"
    rf"|\b(?P<reverse3>reverse\s+)?chronologically"
    rf"|\b(?:sort(?:ed)?|order(?:ed)?|rank(?:ed)?|arrange(?:d)?)\s+by\s+(?:their\s+)?{_DATE}\b"
    rf"|(?<=\s)by\s+(?:their\s+)?{_DATE}\b)",
    re.IGNORECASE,
)
_WHICH_ORDER = re.compile(
    r"\bin\s+(?:which|what)\s+(?:chronological\s+)?order\s+(?:did|do|were|was|have|are)\s+(?:they\s+|the\s+following\s+"
    rf"|these\s+)?(?:{NUMBER}\s+)?(?:{WORK}\s+)?(?:[^:?]*?\s)??(?:been\s+)?(?:first\s+)?(?:appear(?:ed)?|c[ao]me\s+out|published|posted"
    r"|released)\b",
    re.IGNORECASE,
)
_CAME_FIRST = re.compile(
    rf"\b(?:which|what)\s+(?:(?:one|{WORK})\s+)?(?:of\s+(?:them|these|the\s+{NUMBER})\s+)?(?:(?:came|appeared"
    rf"|was\s+(?:published|posted|written))\s+"
    r"(?:out\s+)?(?P<which>first|earlier|earliest|later|last)|is\s+(?:the\s+)?(?P<age>older|newer|oldest|newest"
    r"|earlier))\b",
    re.IGNORECASE,
)
_GOING_BY = re.compile(
    r"\b(?:going|judging|sorted?|ordered|ranked)\s+by\s+(?:the\s+)?(?:listing|posting|publication)?\s*dates?,?\s*", re.I
)
_NEWER = ("new", "late", "last", "most")


@dataclass(frozen=True, slots=True)
class Ordering:
    """An order by date, the number of papers asked for (None if not stated), and the spans that state them."""

    order: Order
    count: int | None
    spans: tuple[tuple[int, int], ...]


def ordering(question: str) -> Ordering | None:
    """Return the order by date that a question asks for, if any."""
    basis = [match.span() for match in _GOING_BY.finditer(question)]
    for pattern in (_ASIDE, _FIRST, _CAME_FIRST, _WHICH_ORDER, _SORTED):
        if (match := pattern.search(question)) and not (pattern is _SORTED and _plain_by(match)):
            one = pattern is _CAME_FIRST or (pattern is _ASIDE and match.start() == 0 and " are " not in match[0])
            return Ordering(_direction(match), 1 if one else None, (*basis, match.span()))
    if match := _SUPERLATIVE.search(question):
        amount = match["n"] or match["m"]
        following = re.match(rf"(?:\s+[\w-]+){{0,4}}?\s+{_ONE}\b", question[match.end() :], re.IGNORECASE)
        plural = bool(following and _PLURAL.search(following[0]))
        after = re.match(rf"\s+{_ONE}\b", question[match.end() :], re.IGNORECASE)
        span = (match.start(), match.end() + (after.end() if after else 0))
        return Ordering(_direction(match), number(amount) if amount else None if plural else 1, (*basis, span))
    return None


def _plain_by(match: re.Match[str]) -> bool:
    """Return whether a match is only "by date", without a verb such as "sort"."""
    return re.match(r"by\b", match[0], re.IGNORECASE) is not None


def _direction(match: re.Match[str]) -> Order:
    groups = match.groupdict()
    if any(groups.get(name) for name in ("reverse", "reverse2", "reverse3")):
        return "newest"
    said = (groups.get("which") or groups.get("age") or "").lower()
    return "newest" if said.startswith(_NEWER) else "oldest"
