"""Substitute a part of the last question: "and in 2024?", "what about Mistral?", "on phones?"."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from rag.query.conversation.condensed import Collection
from rag.query.understanding.authors import author_mentions
from rag.query.understanding.availability import code_mentions
from rag.query.understanding.counts import author_count_mentions
from rag.query.understanding.dates import date_mentions
from rag.query.understanding.mentions import WORK, Mention, blank
from rag.query.understanding.order import ordering
from rag.query.understanding.venues import venue_mentions
from rag.text.identifiers import find_identifiers

_PAPERS = "papers "  # put before a part, as some constraints are recognised only after a word for papers
_YEAR = re.compile(r"(?:19[5-9]\d|20[0-3]\d)$")
_ONES = re.compile(r"^(?:(?:the|those|these|some)\s+)?(?:ones|those|these)\s+", re.IGNORECASE)
_PREPOSITION = re.compile(
    r"(?P<word>on|in|at|for|with|without|by|from|under|over|during|using|within)\s+", re.IGNORECASE
)
_ABOUT = re.compile(
    rf"\b(?:{WORK})(?:\s+(?:are|is|were|was))?(?:\s+there)?\s+(?P<led>on|about)\s+(?P<old>[^,?.!]+?)\s*(?=[,?.!]|$)",
    re.IGNORECASE,
)
_OBJECT = re.compile(
    r"^(?P<lead>(?P<ask>(?:which|what)\s+(?:[\w-]+\s+){0,2}?[\w-]+s)\s+(?!that\b|which\b|are\b|is\b|on\b|about\b|for\b|with\b|in\b)"
    r"[\w-]*[^\Ws]|which\s+(?:[\w-]+\s+)?[\w-]*[^\Ws]\s+[\w-]+s|who\s+\w+|how\s+(?:do|can|could)\s+(?:people|you|i|we|one)\s+\w+)"
    r"\s+(?P<old>(?:(?!(?:on|in|at|for|with|without|by|from|under|since|before|after"
    r"|until|during|using|to|while|and|that|which|when|if|as)\b)[\w.+/-]+\s*)+)",
    re.IGNORECASE,
)
_ACTIVITY = re.compile(r"(?:ing|tion|sion)$")
_WHEN = re.compile(
    r"^(?P<how>before|after|since|until|from)\s+(?:that|then)(?:\s+(?:year|month|date))?$|^(?P<bare>before|after)$",
    re.IGNORECASE,
)


def exchanged(question: str, part: str, collection: Collection) -> str:
    """Return an earlier question with `part` substituted for its counterpart or, failing that, appended."""
    body = question.strip().rstrip("?!. ")
    part = _ONES.sub("", part.strip())
    if when := _relative(body, part, collection):
        part = when
    part = f"in {part}" if _YEAR.match(part) else part
    if (mentions := _mentions(_PAPERS + part, collection)) and _is_all(part, mentions):
        return f"{_without(body, mentions, collection)} {part}?"
    if ordering(part):
        return f"{body}, {part}?"
    return f"{_topic_exchanged(body, part)}?"


def _mentions(text: str, collection: Collection) -> list[Mention]:
    """Find all mentions of constraints, without overlaps."""
    found: list[Mention] = author_count_mentions(text)
    for read in (
        lambda rest: venue_mentions(rest, collection.known.venues),
        lambda rest: author_mentions(rest, collection.known.authors),
        code_mentions,
        lambda rest: date_mentions(rest, collection.today),
    ):
        found += read(blank(text, [(each.start, each.end) for each in found]))
    return found


def _is_all(part: str, mentions: list[Mention]) -> bool:
    """Return whether a part consists of constraints only."""
    left = blank(_PAPERS + part, [(each.start, each.end) for each in mentions])[len(_PAPERS) :]
    return not re.search(
        r"\w", re.sub(r"\b(?:and|or|but|only|just|from|the|in|by|with|papers?)\b", "", left, flags=re.I)
    )


def _kinds(mention: Mention) -> frozenset[str]:
    """Return what a mention constrains; both ends of a date range count as one kind."""
    filters = mention.filters
    kinds = {
        "date": filters.since or filters.until,
        "author": filters.author,
        "count": filters.least_authors or filters.most_authors,
        "venue": filters.venue,
        "code": filters.code is not None,
    }
    return frozenset(name for name, value in kinds.items() if value)


def _without(body: str, new: list[Mention], collection: Collection) -> str:
    """Remove the constraints of a question that are of the same kinds as the new ones."""
    replaced = frozenset(name for mention in new for name in _kinds(mention))
    spans = [(each.start, each.end) for each in _mentions(body, collection) if _kinds(each) & replaced]
    return re.sub(r"[\s,]+$", "", " ".join(blank(body, spans).split())) or body


def _relative(body: str, part: str, collection: Collection) -> str | None:
    """Resolve "before that" by the date in the last question; None if either is missing."""
    match = _WHEN.match(part)
    dates = [each.filters for each in _mentions(body, collection) if "date" in _kinds(each)]
    if not match or not dates:
        return None
    how = (match["how"] or match["bare"]).lower()
    early = how in ("before", "since", "from")
    bound = (dates[0].since or dates[0].until) if early else (dates[0].until or dates[0].since)
    return f"{how} {bound}"


def _topic_exchanged(body: str, part: str) -> str:
    """Substitute a phrase with the same preposition, a name of similar shape, the papers' topic, or the object."""
    led = _PREPOSITION.match(part)
    if led:
        return _phrase_exchanged(body, part, led["word"])
    if old := _name_like(body, part):
        return re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", lambda _: re.sub(r"^the\s+", "", part), body, count=1)
    for pattern in (_ABOUT, _OBJECT):
        if match := pattern.search(body):
            start, end = match.span("old")
            if match.groupdict().get("ask") and _ACTIVITY.search(part):
                return f"{match['ask']} are about {part}{' ' * bool(body[end:])}{body[end:]}"
            return " ".join(f"{body[:start]}{part} {body[end:]}".split())
    return f"{body}, for {part}"


def _phrase_exchanged(body: str, part: str, word: str) -> str:
    following = r"(?=\s+(?:on|in|at|for|with|without|by|from|under|since|before|after|until|during|using)\b|[,.;:]|$)"
    matches = list(re.finditer(rf"\b{word}\s+[^,.;:]+?{following}", body, re.IGNORECASE))
    if not matches:
        return f"{body} {part}"
    match = matches[-1]
    return f"{body[: match.start()]}{part}{body[match.end() :]}"


def _name_like(body: str, part: str) -> str | None:
    """Return the name in a question that is most similar to a new one; None if either has none."""
    bare = re.sub(r"^(?:the|an?)\s+", "", part, flags=re.IGNORECASE)
    if not find_identifiers(f". x {bare}") or len(bare.split()) > 4 or not (bare[0].isupper() or bare[0].isdigit()):
        return None
    names = find_identifiers(f"x {body}")
    names = [
        name
        for name in names
        if name.lower() not in ("which", "what", "who", "how", "is", "does", "do", "are", "has", "can", "did")
    ]
    return max(names, key=lambda name: SequenceMatcher(None, _shape(name), _shape(bare)).ratio(), default=None)


def _shape(name: str) -> str:
    """Reduce a name to its character classes, with runs collapsed: "GPT-2" to "A-9", "LAMB" to "A"."""
    kinds = re.sub(r"\d", "9", re.sub(r"[a-zß-ÿ]", "a", re.sub(r"[A-ZÀ-Þ]", "A", name)))
    return re.sub(r"(.)\1+", r"\1", kinds)
