"""Recognise venues: "at ICML 2023", "NeurIPS papers", "published in HPCA"."""

from __future__ import annotations

import re
from functools import cache

from rag.query.understanding.mentions import Mention
from rag.text.names import matches_venue
from rag.types import Filters

_WELL_KNOWN = (
    "AAAI ACL AISTATS ASPLOS ATC COLING COLM COLT CONLL CVPR DAC ECCV EMNLP EUROSYS FAST FOCS HPCA HPDC ICASSP ICCAD"
    " ICCV ICDE ICLR ICML ICRA ICSE IJCAI IROS ISCA ISIT JMLR KDD MICCAI MICRO MLSYS NAACL NEURIPS NIPS NSDI OOPSLA"
    " OSDI"
    " PLDI POPL PPOPP SC SIGCOMM SIGGRAPH SIGIR SIGMOD SODA SOSP STOC TACL TMLR UAI USENIX VLDB WACV WSDM"
).split()
_WORDS = frozenset("fast micro soda nature science date atc sc dac".split())  # venues only if capitalised
_YEAR = r"(?:[\s-]?['’]\d{2}(?!\d)|[\s-]?(?:19|20)\d{2}(?!\d)|\d{2}(?!\d))"
_WHERE = (
    r"(?:(?:\b(?:that|which)\s+)?(?:\b(?:is|are|was|were)\s+)?\b(?:published|accepted|presented|appear(?:ed|ing|s)?"
    r"|came\s+out)"
    r"\s+(?:in|at|by|to|for)\s+(?:the\s+)?)"
)
_OTHER = re.compile(r"\s*[(,]?\s*\b(?:or|formerly|also)\s+(?P<venue>[A-Za-z]+)\b\)?", re.IGNORECASE)
_UNKNOWN = re.compile(rf"(?P<lead>{_WHERE})(?P<venue>(?-i:[A-Z][A-Za-z]*[A-Z]{{2,}})(?:{_YEAR})?)(?!\w)", re.IGNORECASE)


def venue_mentions(question: str, venues: frozenset[str]) -> list[Mention]:
    """Find a venue with a year, preposition or word for papers next to it; returns at most one mention."""
    for pattern in (_pattern(venues), _UNKNOWN):
        for match in pattern.finditer(question):
            venue = match["venue"]
            name = re.sub(rf"{_YEAR}$", "", venue, flags=re.IGNORECASE).strip()
            if name.lower() in _WORDS and not (name.isupper() or (name[0].isupper() and match["lead"])):
                continue
            if match["lead"] or name != venue or match["tail"]:
                start = match.start("lead") if match["lead"] else match.start("venue")
                end = match.end("venue")
                other = _OTHER.match(question, end)
                if other and matches_venue(other["venue"], name):
                    end = other.end()
                elif other and other["venue"].upper() in _WELL_KNOWN:
                    return []  # "ICLR or ICML": a filter holds only one venue
                return [Mention(start, end, Filters(venue=venue))]
    return []


@cache
def _pattern(venues: frozenset[str]) -> re.Pattern[str]:
    names = {re.split(r"[\d'’(,/]", venue)[0].strip() for venue in venues} | set(_WELL_KNOWN)
    known = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)) if len(name) > 1)
    year = rf"(?:{_YEAR})?"
    return re.compile(
        rf"(?P<lead>{_WHERE}|\b(?:at|from|in)\s+(?:the\s+)?)?(?<![\w-])(?P<venue>(?:{known}){year})(?![\w-])"
        r"(?P<tail>['’]?s?\s+(?:(?!that\b|which\b)[\w-]+\s+){0,2}(?:papers?|works|articles|publications"
        r"|submissions)\b)?",
        re.IGNORECASE,
    )
