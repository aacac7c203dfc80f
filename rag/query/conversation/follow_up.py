"""Classify follow-ups: whether and how a question depends on earlier turns, from its wording alone.

A word such as "it" makes a follow-up only if nothing before it in the same question can be its antecedent. Unclear
questions are standalone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from rag.query.conversation.references import NAMED_THINGS, OPENER, is_reference_open, places
from rag.query.understanding.lookups import is_half_remembered
from rag.query.understanding.mentions import PAPER, WORK

FollowUpType = Literal["correction", "places", "more", "group", "swap", "bare", "reference", "joined"]
"""How a follow-up depends on earlier turns, as in: "no, I meant …", "the second", "tell me more", "which of those",
"what about …", "why?", "does it …", "and how fast".
"""

_LONGEST = 300  # characters; a longer text is standalone
_WH = r"(?:which|what|who|whom|whose|when|where|why|how)"
_AUX = r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|may|might)"
_ASKS = (
    r"(?:list|show|give|find|tell|name|get|compare|contrast|explain|describe|summari[sz]e|recommend|suggest|rank|sort"
    r"|order|put|i|we|you|please|let|search|look)"
)
_PREPOSITION = (
    r"(?:on|in|at|for|with|without|by|from|since|before|after|until|under|over|between|during|using|about|within|of)"
)
_ENDS = r"[\s?.!)]*$"

CORRECTION = re.compile(
    r"^(?:no|nope|sorry|wrong|not\s+(?:that|those|these|this|it)(?:\s+ones?)?)\b[\s,.:;!–—-]+(?:but\s+)?(?:i|we)\s+"
    r"(?:meant?|was\s+(?:asking|thinking|looking)|am\s+(?:asking|looking)|want(?:ed)?)\s+(?:(?:about|of|for)\s+)?(?P<rest>.+)$",
    re.IGNORECASE,
)
_ABOUT = r"(?:about|on|into|of)"
_MORE = re.compile(
    rf"{OPENER}(?:please\s+)?(?:(?:can|could|would)\s+you\s+)?(?:please\s+)?"
    rf"(?:(?:tell|show|give)\s+(?:me|us)\s+(?:(?:a\s+(?:bit|little)|some(?:thing)?|much)\s+)?(?:more|further|details?)"
    rf"|(?:more|details?|further)(?:\s+(?:details?|information|info))?|say\s+more|elaborate|expand|go\s+on|continue|explain"
    rf"|describe|summari[sz]e|tell\s+(?:me|us)|what\s+(?:is|was))"
    rf"(?:\s+(?:details?|information|info))?(?:\s+{_ABOUT})?(?P<what>\s+[^?.!]+?)?(?:\s+(?:in\s+(?:more\s+)?detail|further"
    rf"|again|please|about))?{_ENDS}",
    re.IGNORECASE,
)
_THIS_ONE = re.compile(
    rf"^\s*(?:them|these|those|(?:it|this|that)(?:\s+(?:one|{NAMED_THINGS}))?|the\s+{NAMED_THINGS}(?:'s\s+abstract)?)\s*$",
    re.IGNORECASE,
)
_THEM = r"(?:them|those|these)"
_GROUP = re.compile(
    rf"\b(?:which|what|any|some|all|none|most|many|few|one|each|both|either|neither|two|three|four|several|who)\s+(?:\w+\s+)?"
    rf"(?:of|among)\s+(?:{_THEM}(?!\s+(?:who|that|which|whose)\b)|the\s+(?:two|three|four|others?)(?=\s+{_AUX}\b|{_ENDS}))"
    rf"|\b(?:of|among)\s+{_THEM}[\s,]+(?:{_WH}|{_AUX})\b|{OPENER}{_WH}\s+ones?\b",
    re.IGNORECASE,
)
_OPEN_GROUP = re.compile(
    r"^(?:(?:and|but|so|ok|okay)[\s,]+)*which\s+(?:is|are|was|were|runs?|works?|needs?|uses?|have|has|can|do|does|comes?"
    r"|fits?|supports?|releases?|trains?|gives?|gets?|saves?|costs?)\b",
    re.IGNORECASE,
)
_LISTED = re.compile(rf":\s+\S|,[^?]*\bor\b|\b(?:either|between)\b|\b{WORK}\b[^?]*\b(?:or|and)\b[^?]*\?", re.IGNORECASE)
SWAP = re.compile(
    r"^(?:(?:and|but|so|ok|okay|or)[\s,]+)*(?:(?:what|how)\s+about|(?:the\s+)?same\s+(?:question\s+|thing\s+|again\s+|search\s+)?"
    r"(?:for|with|on|in|about|but|by|at)|try\s+(?:again\s+)?(?:with|for)|now\s+(?:for|with|only|just)|only|just"
    r"|(?:and|or|but|also))[\s,]+(?P<rest>.+)$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(rf"^(?:(?:{_WH}|{_AUX}|{_ASKS})\b|there\b|{_PREPOSITION}\s+{_WH}\b)", re.IGNORECASE)
_HAS_VERB = re.compile(
    r"^(?:(?!\b(?:that|which|who|whose)\b)[^,])*?\s(?:has|have|is|are|was|were|does|do|did|can)\b", re.I
)
_BARE_DATE = re.compile(
    r"^(?:19[5-9]\d|20[0-3]\d|(?:last|this|the\s+(?:last|previous))\s+(?:year|month))\b.{0,20}$", re.I
)
_ORDER = re.compile(
    r"^(?:(?:the\s+)?(?:newest|latest|oldest|earliest|most\s+recent)(?:\s+(?:ones?|\d+))?(?:\s+(?:first|only))?"
    r"|(?:sort|order|rank)(?:ed)?\s+by\s+(?:date|year|age))$",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"{OPENER}(?:why(?:\s+(?:not|so|is\s+(?:that|this|it)(?:\s+so)?))?|how(?:\s+(?:so|come|exactly|(?!to\b)\w+))?|really"
    rf"|are\s+you\s+sure|since\s+when|when|where|who|which|what|by\s+how\s+much|how\s+(?:much|many)(?:\s+\w+)?|for\s+(?:example"
    rf"|instance)|such\s+as\s+what|like\s+what|in\s+(?:what|which)\s+\w+|(?:compared\s+(?:to|with)|than|against)\s+what"
    rf"|(?:on|with|at|for)\s+(?:what|which)(?:\s+\w+)?|any(?:thing)?\s+(?:else|more|others?)|(?:are\s+there\s+)?(?:any\s+)?"
    rf"(?:others?|more)(?:\s+(?:papers|ones|of\s+them|like\s+(?:it|that|this|those|these)))?|what\s+else|who\s+else"
    rf"|(?:how\s+many|how\s+much|which|what)\s+\w+(?:\s+\w+)?\s+(?:was|were|is|are)\s+(?:used|needed|reported|tested|tried"
    rf"|measured|evaluated|compared|required))(?:\s+(?:please|though|then|exactly))?{_ENDS}",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"^(?:and|but)[\s,]+(?:how\s+(?:much|many|fast|long|often|large|big|small|well|far|accurate|good|expensive|cheap)"
    r"|(?:by|on|with|at|for)\s+(?:how|what|which)|what\s+(?:is|was|are|were)\s+the)\b",
    re.IGNORECASE,
)
_WHO_WROTE_IT = re.compile(
    rf"{OPENER}who\s+(?:wrote|authored|(?:is|are|was|were)\s+the\s+authors?\s+of)\s+(?:it|this|that|them|these|those|the"
    rf"\s+{NAMED_THINGS})(?:\s+(?:one|{NAMED_THINGS}))?{_ENDS}",
    re.IGNORECASE,
)
_NAME_INSIDE = re.compile(r"(?<=\s)(?=\S*[A-Z0-9])\S*\w")


def follow_up_type(question: str) -> FollowUpType | None:
    """Return how a question depends on earlier turns; None for a standalone question."""
    if len(question) > _LONGEST:
        return None
    if CORRECTION.match(question):
        return "correction"
    if places(question):
        return "places"
    if is_half_remembered(question) and not _WHO_WROTE_IT.match(question):
        return None
    return next((name for name, matches in _MATCHERS if matches(question)), None)


def asks_for_more(question: str) -> bool:
    """Return whether a question asks for details of the last answer: "tell me more", "explain that paper"."""
    match = _MORE.match(question)
    if not match:
        return False
    what = match["what"]
    told = re.search(r"\b(?:more|further|details?|elaborate|expand|go\s+on|continue|summari[sz]e)\b", match[0], re.I)
    return (
        bool(told)
        if what is None
        else bool(_THIS_ONE.match(what)) and not re.search(r"\bwhat\s+(?:is|was)\b", match[0])
    )


def fragment(question: str) -> str | None:
    """Return the phrase that an elliptical question consists of: "in 2024" for "and in 2024?"; None for a sentence."""
    match = SWAP.match(question)
    rest = (match["rest"] if match else question).strip(" ?!.")
    rest = re.sub(r"[\s,]+(?:instead|then|though|too|as\s+well|please)$", "", rest, flags=re.IGNORECASE)
    words = len(rest.split())
    if not rest or words > 12:
        return None
    if match:
        return None if _SENTENCE.match(rest) or _HAS_VERB.match(rest) else rest
    if _BARE_DATE.match(rest) or _ORDER.match(rest):
        return rest
    led = re.match(rf"{_PREPOSITION}\s", rest, re.IGNORECASE) and not _SENTENCE.match(rest)
    short = words <= 4 or (question.rstrip().endswith("?") and words <= 8)
    return (
        rest if led and short and not _is_titled(rest) and not re.search(rf",|\b{_WH}\b", rest, re.IGNORECASE) else None
    )


def _chooses_from_group(question: str) -> bool:
    if _LISTED.search(question):
        return False
    match = _GROUP.search(question)
    if match:
        return is_reference_open(question[: match.end()], strong=True)
    opened = _OPEN_GROUP.match(question)
    return bool(opened) and len(question.split()) <= 10 and not re.search(rf"\b{PAPER}\b", question, re.IGNORECASE)


def _is_joined(question: str) -> bool:
    """Return whether a question such as "and how fast" asks for a quantity without naming its subject."""
    return bool(_JOINED.match(question)) and not (
        _NAME_INSIDE.search(question) or re.search(rf"\b{WORK}\b", question, re.IGNORECASE)
    )


def _is_titled(text: str) -> bool:
    """Return whether a text is capitalised as a title."""
    return len(re.findall(r"\s[A-Z][a-z]{2,}", text)) >= 2


_MATCHERS: tuple[tuple[FollowUpType, Callable[[str], object]], ...] = (
    ("more", asks_for_more),
    ("group", _chooses_from_group),
    ("swap", fragment),
    ("bare", _BARE.match),
    ("reference", is_reference_open),
    ("joined", _is_joined),
)  # in order of precedence
