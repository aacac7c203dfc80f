"""Recognise the filter for papers with or without code; questions about code itself do not match."""

from __future__ import annotations

import re

from rag.query.understanding.mentions import WORK, Mention
from rag.types import Filters

_OPEN = (
    r"(?:public(?:ly\s+available)?|open(?:[-\s]?source[d]?)?|released|available|official|source|accompanying|linked)"
)
_CODE = rf"(?:{_OPEN}\s+){{0,2}}(?:source\s+)?(?:code(?:\s*base)?|implementations?)"
_GITHUB = r"(?:a\s+|an\s+|their\s+)?(?:git\s?hub|code)\s+(?:link|repo(?:sitory)?|page|url)s?"
_THAT = r"(?:\b(?:that|which|who|and)\s+)?(?:(?:also|have|has)\s+)?"
_SHARE = r"(?:releas|publish|shar|provid|open[-\s]?sourc|link|includ|offer)(?:e|es|ed|ing|s)?"
_THEIR = r"(?:(?:their|its|the|any)\s+)?"
_END = rf"(?=\s*(?:$|[?.!,;:)]|(?:and|or|on|about|for|from|in|that|which|since|before|after|by|at|are|is|{WORK})\b))"
_AVAILABLE = (
    r"\s+(?:(?:is|are|was|being|made)\s+)*(?:publicly\s+|freely\s+|openly\s+)?(?:available|released|online|public"
    r"|open(?:[-\s]?sourced?)?|on\s+git\s?hub)\b"
)
_IS_THERE = re.compile(r"(?:is|are|was)\s+there\b", re.IGNORECASE)
_DOING = re.compile(
    r"\b(?:reason|think|plan|program|deal|interact|solv|act|help|work|tun|mix|augment|prompt|pretrain|train|learn"
    r"|teach|do"
    r"|struggl|generat|fine-?tun)\w*\s+$",
    re.IGNORECASE,
)

_WITH = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:\b(?:that|which)\s+)?\b(?:with|have|has|having|come\s+with|comes\s+with)\s+{_THEIR}{_CODE}{_AVAILABLE}",
        rf"(?:\b(?:that|which)\s+)?\b(?:with|have|has|having|includ(?:e|ing)|link(?:s|ing)?\s+to|come\s+with"
        rf"|on)\s+{_GITHUB}",
        rf"\bwhose\s+{_CODE}{_AVAILABLE}",
        rf"\b(?:is|are|was)\s+there\s+(?:an?\s+|any\s+)?(?:{_OPEN}\s+)*(?:(?:links?|pointers?)\s+to\s+{_THEIR}{_CODE}"
        rf"|{_GITHUB}|{_CODE}(?:{_AVAILABLE})?){_END}",
        rf"(?:\b(?:that|which)\s+)?\b(?:with|have|has|having|give|gives|giving|contain|contains)\s+(?:an?\s+)?links?\s+to"
        rf"\s+{_THEIR}{_CODE}{_END}",
        rf"(?:\b(?:that|which)\s+)?\blink(?:s|ing)?\s+to\s+{_THEIR}{_CODE}{_END}",
        rf"{_THAT}\b{_SHARE}\s+{_THEIR}{_CODE}{_END}",
        rf"(?:\b(?:that|which)\s+)?\b(?:come|comes|coming)\s+with\s+{_THEIR}{_CODE}{_END}",
        rf"\bwith\s+{_THEIR}(?:{_OPEN}\s+)+(?:code|implementations?){_END}",
        rf"(?:\b(?:that|which)\s+)?\b(?:have|has|having)\s+{_THEIR}{_CODE}{_END}",
        rf"(?:,\s*)?\bcode\s+(?:(?:is|must\s+be)\s+)?(?:publicly\s+)?available{_END}",
        rf"\bwith\s+code{_END}",
    )
)
_WITHOUT = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:\b(?:that|which)\s+)?\b(?:without|(?:have|has|having|with)\s+no|lacking|lack)\s+(?:any\s+)?(?:{_CODE}"
        rf"|{_GITHUB})(?:{_AVAILABLE})?{_END}",
        rf"{_THAT}\b(?:do|does|did)\s+not\s+{_SHARE}\s+{_THEIR}{_CODE}{_END}",
        rf"{_THAT}\b(?:don['’]?t|doesn['’]?t|didn['’]?t)\s+(?:{_SHARE}|have|come\s+with)\s+{_THEIR}{_CODE}{_END}",
        rf"\bno\s+code\s+(?:is\s+)?(?:available|released){_END}",
    )
)


def code_mentions(question: str) -> list[Mention]:
    """Find the phrase that asks for papers with or without code; returns at most one mention."""
    for patterns, code in ((_WITHOUT, False), (_WITH, True)):
        for match in (match for pattern in patterns for match in pattern.finditer(question)):
            if _of_papers(question, match):
                return [Mention(match.start(), match.end(), Filters(code=code))]
    return []


def _of_papers(question: str, match: re.Match[str]) -> bool:
    """Return whether a phrase is about papers, not about what models do with code."""
    if _DOING.search(question[: match.start()]):
        return False
    if _IS_THERE.match(match[0]):
        return re.search(rf"\b(?:which|what|{WORK})\b", question[: match.start()], re.IGNORECASE) is not None
    bare = re.fullmatch(r"(?:with|without)\s+(?:any\s+)?code|(?:have|has|having)\s+code", match[0], re.IGNORECASE)
    asked = re.search(
        rf"\b(?:{WORK}|list|them|these|those|which|optimi[sz]ers|methods|systems|frameworks|tools)\b",
        question,
        re.IGNORECASE,
    )
    return not bare or bool(asked)
