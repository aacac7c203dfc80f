"""Recognise counts: the number of a paper's authors, and the number of papers asked for."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.query.understanding.mentions import NUMBER, PAPER, Mention, number
from rag.types import Filters

_Read = Callable[[re.Match[str]], tuple[int | None, int | None]]


def _both(match: re.Match[str]) -> tuple[int, int]:
    low, high = sorted((number(match["n"]), number(match["m"])))
    return low, high


def _exactly(match: re.Match[str]) -> tuple[int, int]:
    return number(match["n"]), number(match["n"])


_WITH = (
    r"(?:\b(?:that|which|who)\s+)?(?:\b(?:with|have|has|having|had|by|list(?:s|ing)?|credit(?:s|ing)?|"
    r"(?:(?:is|are|was|were)\s+)?(?:co-?)?(?:written|authored)\s+by|are\s+by|is\s+by|from|of|there\s+(?:is|are))\s+)"
)
_N = rf"(?P<n>{NUMBER})"
_END = (
    r"(?=\s*(?:$|[?.!,;:)]|(?:and|or|on|about|from|in|that|which|since|before|after|with|only|at|are|is|each|for|by"
    r"|here|each|there|do|did|who|please)\b))"
)
_AUTHORS = rf"(?:(?:co-?)?(?:authors\b|author\b{_END})|people\s+as\s+authors\b)(?!['’])"
_BARE = rf"(?:{_WITH})?"
_AUTHOR_COUNTS: tuple[tuple[re.Pattern[str], _Read], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        (rf"{_BARE}\bbetween\s+{_N}\s+and\s+(?P<m>{NUMBER})\s+{_AUTHORS}", _both),
        (rf"{_BARE}\b{_N}\s*(?:-|–|to)\s*(?P<m>{NUMBER})\s+{_AUTHORS}", _both),
        (
            rf"{_BARE}\b(?<!no\s)(?<!not\s)(?:more\s+than|over|above)\s+{_N}\s+{_AUTHORS}",
            lambda match: (number(match["n"]) + 1, None),
        ),
        (
            rf"{_BARE}\b(?:at\s+least|no\s+fewer\s+than|no\s+less\s+than)\s+{_N}\s+{_AUTHORS}",
            lambda match: (number(match["n"]), None),
        ),
        (rf"{_BARE}\b{_N}\s*(?:\+|or\s+more)\s*{_AUTHORS}", lambda match: (number(match["n"]), None)),
        (rf"{_BARE}\b{_N}\s+{_AUTHORS}\s+or\s+more\b", lambda match: (number(match["n"]), None)),
        (rf"{_BARE}\b(?:fewer|less)\s+than\s+{_N}\s+{_AUTHORS}", lambda match: (None, number(match["n"]) - 1)),
        (
            rf"{_BARE}\b(?:at\s+most|no\s+more\s+than|not\s+more\s+than|up\s+to|a\s+maximum\s+of)\s+{_N}\s+{_AUTHORS}",
            lambda match: (None, number(match["n"])),
        ),
        (rf"{_BARE}\b{_N}\s+or\s+(?:fewer|less)\s+{_AUTHORS}", lambda match: (None, number(match["n"]))),
        (rf"{_WITH}(?:(?:just|only|exactly|precisely)\s+)?(?:a\s+)?{_N}\s+{_AUTHORS}(?:\s+only\b)?", _exactly),
        (rf"\b(?:just|only|exactly)\s+{_N}\s+{_AUTHORS}", _exactly),
        (
            rf"{_WITH}(?:just\s+|only\s+)?(?:a\s+(?:sole|solitary|lone|single)|no\s+co-?)\s*authors?\b",
            lambda match: (1, 1),
        ),
        (rf"\b{_N}[-\s]author(?:ed)?(?=\s+(?:[\w-]+\s+){{0,3}}(?:{PAPER}|works|surveys|studies)\b)", _exactly),
        (
            r"\b(?:single|sole|solo)[-\s]?author(?:ed)?\b|\bone-author(?:ed)?\b|\bsolo(?=\s+(?:papers?|works?"
            r"|articles?)\b)",
            lambda match: (1, 1),
        ),
        (rf"{_WITH}?\b(?<!how\s)(?:many|multiple|several)\s+authors\b", lambda match: (2, None)),
    )
)

_KINDS = (
    rf"(?:{PAPER}|works|studies|surveys|systems|methods|approaches|techniques|frameworks|algorithms|optimi[sz]ers|tools"
    r"|models|benchmarks|datasets|projects|ideas|tricks|libraries|teams|groups|examples|ways)"
)
_ASKED = re.compile(
    rf"(?:^|[.;:!?]\s+|\b(?:the|these|those|list|name|give\s+me|show\s+me|find|me|which|what|compare|any|top|all)\s+)"
    rf"(?P<n>(?!one\b|a\b){NUMBER})\s+(?:[a-z][\w-]*\s+){{0,3}}?{_KINDS}\b(?!['’])",
    re.IGNORECASE,
)
_TOP = re.compile(rf"\btop\s+(?P<n>{NUMBER})(?=\s*(?:$|[?.,:;]|on\b|about\b|for\b|{_KINDS}\b))", re.IGNORECASE)
_BOTH = re.compile(
    rf"\b(?:name|list|give|show|find)\s+(?:me\s+)?both(?=\s*(?:$|[?.!,;:]|(?:and|of|with)\b|{_KINDS}\b))|\bboth\s+{_KINDS}\b",
    re.IGNORECASE,
)


def author_count_mentions(question: str) -> list[Mention]:
    """Find the phrase that states the number of authors; returns at most one mention."""
    for pattern, read in _AUTHOR_COUNTS:
        for match in pattern.finditer(question):
            least, most = read(match)
            if most != 0:
                return [Mention(match.start(), match.end(), Filters(least_authors=least, most_authors=most))]
    return []


def papers_asked(question: str) -> int | None:
    """Return the number of papers asked for, as in "the three papers", "top 5" or "name both"; None if not stated."""
    for pattern in (_TOP, _ASKED):
        if match := pattern.search(question):
            return number(match["n"])
    return 2 if _BOTH.search(question) else None
