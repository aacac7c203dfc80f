"""What a question names and what it counts, and which of it a paper does not have (pure).

A paper can be there without the fact that is asked for: on other hardware, for another model, in another unit. Where a
question names the paper itself, what it names besides has to be in that paper's abstract.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile

from rag.text.identifiers import find_identifiers, is_identifier
from rag.text.tokens import tokenize
from rag.types import Paper, Query

_COUNTED = re.compile(r"\bhow (?:many|much) ((?:[\w*+./'-]+ ?){1,3})", re.IGNORECASE)
_ENDS_COUNTED = frozenset(
    "does do did is are was were can could of in on for to the will would should has have it you they at by with that"
    " when if from per and".split()
)
_COUNTS_NOTHING = frozenset(
    "more less fewer faster better papers works the a an exactly times time memory space storage energy power data"
    " compute seconds minutes hours days weeks months percent quicker slower smaller larger bigger cheaper lighter"
    " shorter longer higher lower worse".split()
)  # words that say nothing, or that an abstract need not say beside its unit
_SOURCE = re.compile(
    r"\b(?:the|original)\s+((?:['“\"]?[A-Z][\w.+\-]*['”\"]?\s+){1,5})(?:technical\s+)?(?:paper|report|article)\b"
)
_LONGEST_NAME = 4  # words
_LONGEST_HEAD = 4  # words of a title's first part that may be a system's name


def lacking(query: Query, papers: Sequence[Paper]) -> tuple[str, ...]:
    """List what a question asks about that the nearest paper does not mention, where that settles it.

    It does for a fact of a paper that the question names, and for one of a source that the question names; names that
    are other papers' own are not counted, for the question is then about several. `papers` are the nearest, best first.
    """
    if query.kind != "fact" or not papers:
        return ()
    best = papers[0]
    sources = [name for match in _SOURCE.finditer(query.asked) for name in find_identifiers(f". x {match[1]}")]
    missing = [name for name in sources if not mentions(best, name)]
    if _is_named(query.asked, best) and not any(_is_named(query.asked, other) for other in papers[1:]):
        missing += [name for name in find_identifiers(query.asked) if is_identifier(name) and not mentions(best, name)]
        counted = counted_in(query.asked)
        if counted and not any(counts(best, word) for word in counted):
            missing.append(" ".join(counted))
    return tuple(dict.fromkeys(missing))


def unmentioned(subjects: Sequence[str], papers: Sequence[Paper]) -> tuple[str, ...]:
    """List the subjects with a name in them of which none of the papers has any; those in plain words are not told."""
    named = {subject: find_identifiers(f". the {subject}") for subject in subjects}
    return tuple(
        subject
        for subject, names in named.items()
        if names and not any(mentions(paper, name) for name in names for paper in papers)
    )


def mentions(paper: Paper, name: str) -> bool:
    """Tell whether a paper has a name, written together or apart, or all parts of a name with hyphens."""
    held = _words(f"{paper.title} {paper.abstract}")
    parts = [part for part in re.split(r"[-/]", name) if part]
    return _singular(name) in held or (
        len(parts) > 1 and all(part.isalpha() and _singular(part) in held for part in parts)
    )


def counted_in(question: str) -> list[str]:
    """List the words for what "how many" and "how much" ask for: "how many input tokens did" gives input, tokens."""
    found: list[str] = []
    for match in _COUNTED.finditer(question):
        words = takewhile(lambda word: word.lower() not in _ENDS_COUNTED, match[1].split())
        found += [word for word in words if word.lower() not in _COUNTS_NOTHING and len(word) > 2]
    return found


def counts(paper: Paper, word: str) -> bool:
    """Tell whether an abstract has a word, or another form of it."""
    return bool(set(tokenize(word)).intersection(tokenize(paper.abstract)))


def _is_named(question: str, paper: Paper) -> bool:
    """Tell whether a question calls a paper by the name that begins its title."""
    return any(_is_title_word(name, paper) for name in find_identifiers(question))


def _is_title_word(name: str, paper: Paper) -> bool:
    head = paper.title.split(":")[0].split()
    return len(head) <= _LONGEST_HEAD and _plain(name) in {_plain(word) for word in head}


@lru_cache(maxsize=256)
def _words(text: str) -> frozenset[str]:
    """List the words of a text, and what neighbouring ones give when written together."""
    words = [_singular(word) for word in re.findall(r"[^\W_]+", text)]
    return frozenset(
        "".join(words[i : i + length]) for length in range(1, _LONGEST_NAME + 1) for i in range(len(words))
    )


def _singular(word: str) -> str:
    return _plain(word).removesuffix("s")


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())
