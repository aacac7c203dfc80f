"""Recognise the names that a question compares or orders: "X versus Y", "these by date: A, B and C"."""

from __future__ import annotations

import re

from rag.query.understanding.mentions import PAPER

_MOST_WORDS = 7
_STOP = (
    r"(?=\s*(?:[,:;?.!(—–]\s|[?.!:;]|$|\b(?:for|on|in|at|when|if|with\s+respect|regarding|concerning|as\s+to|under"
    r"|and\s+(?:how|what|which|why|where|when|do|does|is|are))\b))"
)
_START = r"(?:^|[.:;?!,]\s+)"
_NO_NAME = r"(?:Is|Are|Was|Were|Do|Does|Did|Can|Could|Should|Will|Which|What|How|Why|Who|If|When)"
_NAMED = (
    rf"(?-i:(?!{_NO_NAME}\b)(?:[Tt]he\s+)?(?=[\w.+-]*[A-Z])[A-Za-z0-9][\w.+-]*\w\+*(?:\s+[A-Z0-9][\w.+-]*\w){{0,2}})"
)
_NAMED_X, _NAMED_Y = rf"(?P<x>{_NAMED})", rf"(?P<y>{_NAMED})"
_COMPARATIVE = (
    r"\b(?:more|less|fewer|better|worse|best|worst|most|least|(?:is|was|are|were|runs|works|gets|trains|goes)\s+(?:the\s+)?"
    r"[a-z]+(?:er|est))\b"
)
_X, _Y = r"(?P<x>[^,:;?!]+?)", r"(?P<y>[^,:;?!]+?)"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:^|[.:;?!,]\s+)(?:(?:and\s+)?(?:compare|contrast|what\s+about|how\s+about|how\s+does|how\s+do|is"
        rf"|are)\s+)?{_X}\s+(?:versus|vs\.?)\s+{_Y}{_STOP}",
        rf"\b(?:differences?|distinction|comparison|similarit(?:y|ies))\s+between\s+{_X}\s+and\s+{_Y}{_STOP}",
        rf"\bhow\s+(?:does|do|is|are)\s+{_X}\s+(?:differ|different)\s+from\s+{_Y}{_STOP}",
        rf"\bhow\s+(?:does|do)\s+{_X}\s+compare\s+(?:to|with|against)\s+{_Y}{_STOP}",
        rf"\bhow\s+(?:does|do|is|are)\s+{_X}\s+and\s+{_Y}\s+(?:differ|different|compare|relate|disagree)\b",
        rf"(?:^|[.:;?!]\s+|\bplease\s+)(?:compare|contrast)\s+(?P<x>[^:;?!.]+?)\s+(?:with|to|against"
        rf"|and)\s+{_Y}{_STOP}",
        rf"\b(?:do|does|did|are)\s+{_X}\s+and\s+{_Y}\s+(?:agree|disagree|reach\s+the\s+same|come\s+to\s+the\s+same"
        rf"|differ|different|contradict|say\s+the\s+same)\b",
        rf"{_START}(?:and\s+|so\s+|but\s+)?(?:do|does|did|can|is|are|will)\s+{_X}\s+(?:really\s+|actually\s+|always\s+|still\s+)?(?:beat"
        rf"|outperform|surpass|(?:better|faster|worse|slower|stronger|cheaper)\s+than)\s+{_Y}{_STOP}",
        rf"{_START}(?:and\s+)?which\s+(?=[^,:?]*{_COMPARATIVE})[\w\s-]{{2,60}}?[,:]\s*{_X}\s+or\s+{_Y}(?=\s*(?:[,:;?.!]|$))",
        rf"{_START}(?:is|are|was|does)\s+{_NAMED_X}\s+or\s+{_NAMED_Y}\s+(?:[a-z]+er|more|less)\b",
        rf"^{_NAMED_X}\s+or\s+{_NAMED_Y}(?=[^?.:;]*\?)",
        rf"{_START}{_NAMED_X}(?P<more>(?:,\s+{_NAMED})*),?\s+and\s+{_NAMED_Y}\s+(?:both|each|all)\b",
        rf"\b(?:two|three|four)\s+[^,:;.?]{{3,80}},\s+{_NAMED_X}\s+and\s+(?P<y>[^,:;?.]+?)(?=\s*[:.])",
    )
)
_PRONOUN = re.compile(
    r"\b(?:it|they|them|this|that|these|those|he|she|we|you|(?<!\w\s)one|ones|people|anyone|how|what)\b|^(?:the|their|its)$",
    re.I,
)
# Aspects in which things are compared, such as "results"; they are not subjects themselves.
_ASPECT = re.compile(
    r"^(?:the|their|its|these|those|all|both)?\s*(?:\w+\s+)?(?:approach(?:es)?|methods?|results?|findings?|numbers"
    r"|speed-?ups?|gains?|goals?|aims?|costs?|claims?|answers?|ideas?|recipes?|techniques?|trade-?offs?|(?:two|three"
    r"|four)(?:\s+\w+)?)$",
    re.IGNORECASE,
)
_THESE = re.compile(r"\b(?:these|the\s+following)\b[^:?]*:\s+(?P<names>[^:?]+?)\s*[.?!]*$", re.IGNORECASE)
_LIST = re.compile(
    r"(?::|^\s*,)\s*(?P<names>[^:?]+?)\s*[?.!]?$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"\bin\s+(?:which|what)\s+order\s+(?:did|do|were|was|have)\s+(?P<names>[^:?]+?)\s+(?:been\s+)?(?:appear(?:ed)?|c[ao]me\s+out"
    r"|published|posted|released)\b",
    re.IGNORECASE,
)
_AUTHORS_OF = re.compile(
    rf"\bhow\s+many\s+(?:co-?)?authors\s+(?:do|does|did)\s+(?P<names>(?![^?]*\b{PAPER}(?<=s)\b)[^:?]+?)\s+have\b\s*[?.]*$",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^(?:(?:and|or|either|both|between|of|please)\s+)+", re.IGNORECASE)
_SPLIT = re.compile(r"\s*[,;]\s*(?:and\s+|or\s+|then\s+)?|\s+(?:and|or|versus|vs\.?)\s+", re.IGNORECASE)


def compared(question: str) -> tuple[str, ...]:
    """Return the names that a question compares; empty if it names none clearly."""
    for pattern in _PATTERNS:
        if match := pattern.search(question):
            groups = match.groupdict()
            found = (_names(groups[group]) for group in ("x", "more", "y") if groups.get(group))
            names = tuple(name for part in found for name in part)
            if len(names) >= 2 and all(map(_is_name, names)) and " of " not in names[-1]:
                return names
    return _listed(_THESE.search(question))


def ordered(question: str) -> tuple[str, ...]:
    """Return the names to order, listed after a colon; `question` is without the phrase that states the order.

    A comma at the start, left from "in chronological order, A and B", counts as a colon.
    """
    return _listed(_LIST.search(question))


def named_in_order(question: str) -> tuple[str, ...]:
    """Return the names inside a question about their order: "in which order did A and B appear"."""
    return _listed(_BETWEEN.search(question))


def credited(question: str) -> tuple[str, ...]:
    """Return the names whose number of authors is asked for."""
    match = _AUTHORS_OF.search(question)
    names = tuple(filter(None, map(_trim, _SPLIT.split(match["names"])))) if match else ()
    return names if all(map(_is_name, names)) else ()


def _listed(match: re.Match[str] | None) -> tuple[str, ...]:
    if not match:
        return ()
    names = tuple(filter(None, map(_trim, _SPLIT.split(match["names"]))))
    return names if len(names) >= 2 and all(map(_is_title, names)) else ()


def _names(text: str) -> list[str]:
    """Split a text at commas and conjunctions into names; "the study on X and Y" stays whole."""
    text = _trim(text)
    parts = _SPLIT.split(text)
    single = all(len(part.split()) <= 2 for part in parts)
    return [name for name in map(_trim, parts if single else [text]) if name]


def _trim(text: str) -> str:
    return _LEADING.sub("", text.strip(" \t,.;:!?()")).strip()


def _is_title(name: str) -> bool:
    return len(name.split()) <= 2 * _MOST_WORDS and not re.search(r"\b(?:them|these|those|it)\b", name)


def _is_name(name: str) -> bool:
    return 1 <= len(name.split()) <= _MOST_WORDS and not _PRONOUN.search(name) and not _ASPECT.match(name)
