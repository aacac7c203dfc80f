"""Orders by what the records have: reading one from a stretch of a question, and sorting papers by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rag.text.latex import latex_to_text
from rag.types import Order, Paper

ORDER_WORDS: Mapping[Order, str] = {
    "newest": "the newest first",
    "oldest": "the oldest first",
    "most authors": "the most authors first",
    "fewest authors": "the fewest authors first",
    "title": "by title",
    "venue": "by venue",
}

_NEWEST = frozenset("newest latest recent recently recency newer new last descending desc reverse".split())
_OLDEST = frozenset("oldest earliest older old earlier ascending asc".split())
_BY_DATE = frozenset("date dates dated year years time chronological chronologically publication".split())
_BY_OTHERS = frozenset("cited citation citations viewed views popular popularity influential impact relevance".split())
_AUTHORS = frozenset("author authors people coauthors writers".split())
_FEWEST = frozenset("fewest least fewer smallest few less ascending".split())
_MOST = frozenset("most many more largest number count biggest descending".split())
_TITLE = frozenset("title titles alphabet alphabetical alphabetically name names".split())
_VENUE = frozenset("venue venues conference journal".split())
_FIRST = frozenset("the very first".split())
_END = frozenset("last end bottom".split())
_RELEVANCE = frozenset(("relevance", "relevant"))
_REVERSED = frozenset("reverse reversed invert inverted flip flipped backwards opposite upside around".split())
_WORD = re.compile(r"[^\W_]+")
_ADVERB = re.compile(r"\W*(?:which|what|who)\b.*\b(?<!\bthe )(?P<adverb>first|last)\W*\Z", re.IGNORECASE)
_NEWER = re.compile(r"\b(?:newer|later|more\s+(?:recent|modern|current))\b", re.IGNORECASE)
_OLDER = re.compile(r"\b(?:older|earlier)\b", re.IGNORECASE)


ORDERING_WORDS = frozenset().union(
    *(_NEWEST, _OLDEST, _BY_DATE, _AUTHORS, _FEWEST, _MOST, _TITLE, _VENUE, _REVERSED, _RELEVANCE)
)
"""The words that state an order."""


def read_order(text: str) -> Order | None:
    """Return the order that a stretch asks for; None for one that the records do not have, as by citations."""
    words = _words(text)
    if words & _BY_OTHERS:
        return None
    if words & _AUTHORS and words & (_MOST | _FEWEST):
        few, many = (re.search(rf"\b(?:{'|'.join(each)})\b", text.casefold()) for each in (_FEWEST, _MOST))
        return "fewest authors" if few and (not many or few.start() < many.start()) else "most authors"
    if words & _NEWEST:
        return "oldest" if "least" in words else "newest"
    if words & _OLDEST:
        return "oldest"
    if words & _TITLE:
        return "title"
    if words & _VENUE:
        return "venue"
    return "oldest" if words & _BY_DATE or (words and words <= _FIRST) else None


def stated_adverb(text: str) -> tuple[Order, int, int] | None:
    """Return the order that "which came first?" asks for, with the stretch of the adverb; None where there is none."""
    found = _ADVERB.match(text)
    if found is None:
        return None
    return ("oldest" if found["adverb"].casefold() == "first" else "newest"), found.start("adverb"), found.end("adverb")


def compared_date(text: str) -> Order | None:
    """Return "newest" where a text asks for newer papers than those spoken of, "oldest" for older ones, else None."""
    if _NEWER.search(text):
        return "newest"
    return "oldest" if _OLDER.search(text) else None


def is_reversal(text: str) -> bool:
    """Return whether a text asks for the other way round."""
    return not _words(text).isdisjoint(_REVERSED)


def is_to_the_end(text: str) -> bool:
    """Return whether a text asks for papers to come last."""
    return not _words(text).isdisjoint(_END)


def is_by_relevance(text: str) -> bool:
    """Return whether a text asks for the order in which papers were found."""
    return not _words(text).isdisjoint(_RELEVANCE)


def sorted_papers(paper_ids: Iterable[str], order: Order, papers: Mapping[str, Paper]) -> list[str]:
    """Sort papers by their ids; those whose record lacks the value come last, in the order given."""
    held = list(paper_ids)
    known = {paper_id: value for paper_id in held if (value := sort_value(papers[paper_id], order)) is not None}
    ranked = sorted(known, key=lambda paper_id: known[paper_id], reverse=order in ("newest", "most authors"))
    return [*ranked, *(paper_id for paper_id in held if paper_id not in known)]


def sort_value(paper: Paper, order: Order) -> str | None:
    """Return what a paper is sorted by, as a text; None where its record lacks it."""
    if order in ("newest", "oldest"):
        return paper.date
    if order == "title":
        return latex_to_text(paper.title).casefold()
    if order == "venue":
        return paper.venue.casefold() if paper.venue else None
    count = paper.known_author_count
    return None if count is None else f"{count:06}"


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text))
