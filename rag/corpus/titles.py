"""Papers by their titles as people remember them: cut short, misspelt, half wrong (rapidfuzz)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rag.types import Paper

_SAME = 88.0  # of 100: below it a title and a text are two things
_LEAST_WORDS = 3  # of a text that may stand for a title
_FURNITURE = re.compile(r"\b(?:the|a|an|first|original|paper|papers|study|work|article|by|of)\b", re.IGNORECASE)


def find_by_title(name: str, papers: Mapping[str, Paper]) -> str | None:
    """Find the paper that a name stands for, as "Pebble" for "Pebble: Small Caches"; None where none is near enough.

    A common word or two of a title name no paper: it takes three, or one with a capital or a digit beside another.
    """
    wanted = _plain(_FURNITURE.sub(" ", name))
    count = len(wanted.split())
    several = count >= _LEAST_WORDS or (count == _LEAST_WORDS - 1 and not name.islower())
    likeness = [(_likeness(wanted, paper, several), -len(paper.title), paper_id) for paper_id, paper in papers.items()]
    score, _, paper_id = max(likeness, default=(0.0, 0, ""))
    return paper_id if wanted and score >= _SAME else None


def is_title(text: str, papers: Iterable[Paper]) -> bool:
    """Tell whether a text is itself a title of the collection, typos and other word order allowed."""
    from rapidfuzz import fuzz

    wanted = _plain(text)
    if len(wanted.split()) < _LEAST_WORDS:
        return False
    return any(fuzz.token_sort_ratio(wanted, _plain(paper.title)) >= _SAME for paper in papers)


def _likeness(wanted: str, paper: Paper, several: bool) -> float:
    """Compare a name with a title's head, often a system's name, and one of several words with those of the title."""
    from rapidfuzz import fuzz

    title, head = _plain(paper.title), _plain(paper.title.split(":")[0])
    as_head = fuzz.ratio(wanted.replace(" ", ""), head.replace(" ", ""))
    return max(as_head, fuzz.token_set_ratio(wanted, title)) if several else as_head


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
