"""Questions that count papers: how many there are of some sort, or how many each venue, author or year has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rag.text.venues import VENUE_KINDS
from rag.types import Tally

_FIELDS: Mapping[Tally, str] = {
    "year": r"years?",
    "venue": r"venues?|conferences?|journals?|workshops?|proceedings",
    "author": r"authors?|researchers?|scientists?|people|persons?|writers?",
    "organisation": r"organi[sz]ations?|institut(?:ion|e)s?|universit(?:y|ies)|compan(?:y|ies)|labs?",
}
_FIELD = "|".join(f"(?P<{name}>{words})" for name, words in _FIELDS.items())
_EACH = r"(?:per|(?:(?:in|by|at|for|from)\s+)?(?:each|every))"
_OVER = r"(?:by|over|across)\s+(?:the\s+)?"
_BY_FIELD = re.compile(rf"\s*\b(?:{_EACH}\s+|{_OVER})(?:{'|'.join(_FIELDS.values())})\W*$", re.IGNORECASE)
_PAPERS = r"(?:papers?|articles?|publications?|preprints?|studies|works)"
_NOT_COUNTED = (
    r"(?:authors?|people|do|does|did|are|is|was|were|have|has|had|can|could|in|on|by|for|from|to|per|each|every|with)"
)
_HOW_MANY = re.compile(
    r"\b(?:how\s+many(?:\s+of)?|(?:what(?:\s+is|’s|'s)\s+)?(?:the\s+)?(?:total\s+)?number\s+of|count(?:\s+up)?)"
    rf"(?:\s+(?:the|these|those|all|your|our))*(?=\s+(?:(?!{_NOT_COUNTED}\b)[\w-]+\s+){{0,4}}{_PAPERS}\b)",
    re.IGNORECASE,
)
_MOST_PAPERS = rf"(?:most|largest|greatest|highest|biggest|more)\b(?:\s+\w+){{0,3}}?\s+{_PAPERS}"
_MOST_OFTEN = r"most\s+(?:often|frequent(?:ly)?|prolific|productive|common|active|represented)"
_WITH_MOST = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:which|what)\b\s+(?:\w+\s+)?(?:{_FIELD})\b[^?]*?\b(?:{_MOST_PAPERS}|{_MOST_OFTEN}|most\s+of\b[^?]*{_PAPERS})",
        rf"\b(?:which|what)\b\s+(?:\w+\s+)?(?:{_FIELD})\b[^?]*?\b(?:appears?|occurs?|represented|published)\s+(?:the\s+)?most(?=\s*(?:[.?!,;]|$))",
        rf"\b(?P<author>who)\b[^?]*?\b(?:{_MOST_PAPERS}|{_MOST_OFTEN})",
        rf"\b(?:{_MOST_OFTEN})\s+(?:{_FIELD})\b",
        rf"\b(?:top|leading)\s+(?:\w+\s+)?(?:{_FIELD})\b",
        rf"\b(?:{_FIELD})\s+with\s+(?:the\s+)?{_MOST_PAPERS}",
    )
)
_FOR_EACH = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_PAPERS}\b[^?]*?\b{_EACH}\s+(?:{_FIELD})\b",
        rf"\b(?:how\s+many|number|count|counts|distribution|breakdown|histogram|statistics)\b[^?]*?\b{_PAPERS}\b[^?]*?"
        rf"\b{_OVER}(?:{_FIELD})(?=\s*(?:[.?!,;]|$))",
    )
)
_SEVERAL = 5  # values, where the plural asks for those with the most
_WORDS = frozenset(
    "most often frequent frequently prolific productive common active represented largest greatest highest biggest"
    " more number of papers paper articles publications top leading each every per by the a in which what who".split()
)


@dataclass(frozen=True, slots=True)
class StatedTally:
    """What a question counts papers by, of how many values it asks which have the most, and the kind of venue."""

    by: Tally
    count: int | None = None
    venue_kind: str | None = None


def read_tally(text: str) -> StatedTally | None:
    """Return what a question counts; None where it counts no papers."""
    for patterns, most in ((_FOR_EACH, False), (_WITH_MOST, True)):
        for match in filter(None, (pattern.search(text) for pattern in patterns)):
            by, said = next((name, said) for name, said in match.groupdict().items() if said)
            word = said.casefold().removesuffix("s")
            kind = word if word in VENUE_KINDS else None
            plural = said.casefold().endswith(("s", "people"))
            count = (_SEVERAL if plural else 1) if most else None
            return StatedTally(by, count, kind)  # type: ignore[arg-type]
    return StatedTally("papers") if _HOW_MANY.search(text) else None


def as_list(text: str) -> str:
    """Return a question that counts papers as one that asks which they are."""
    return _HOW_MANY.sub(lambda match: "Which" if match.start() == 0 else "which", text, count=1)


def without_field(text: str) -> str:
    """Return a stretch without what its papers are counted by, "caches" of "caches per year"."""
    return _BY_FIELD.sub("", text)


def states_tally(text: str) -> bool:
    """Return whether a stretch only says what is counted, as "most productive" does."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return all(word in _WORDS or re.fullmatch(_FIELD, word) for word in words)
