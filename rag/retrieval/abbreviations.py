"""A question in other words by the abbreviations that papers near it define: "MoE" for "mixture of experts", and back.

A definition is a bracketed abbreviation behind what it stands for, as found by Schwartz and Hearst (Pacific Symposium
on Biocomputing, 2003).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from rag.corpus.links import expansion
from rag.index.library import Library
from rag.retrieval.candidates import bm25_search
from rag.retrieval.encoded_query import EncodedQuery
from rag.types import Paper

_READ = 50  # papers whose definitions are read, the best by BM25
_REMEMBERED = 4096  # texts whose definitions are kept
_COMMON = 0.1  # of the papers
_MOST_BEFORE = 120  # characters before a bracket
# Of two letters several things are abbreviated.
_SHORT = re.compile(r"\((?P<short>(?=[^)]*[A-Z][^)]*[A-Z])[A-Za-z][A-Za-z\d-]{2,9}?)s?[);,]")
_NO_NAME = r"(?!-[A-Z\d])"  # as "MoE" is one in "MoE-Gen"
_LEAST_WORDS = 2  # of what an abbreviation stands for
_SHARE = 1.5  # letters of an abbreviation to words of what it stands for, at least one to so many


@dataclass(frozen=True, slots=True)
class OtherWords:
    """A search text in other words, and patterns of what was replaced, each with that of what stands in its place."""

    text: str
    replaced: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]

    def are_those_of(self, paper: Paper) -> bool:
        """Return whether a paper has some of these words, and not those of the question that they stand for."""
        text = _text(paper)
        return any(other.search(text) and not asked.search(text) for asked, other in self.replaced)


def in_other_words(library: Library, query: EncodedQuery) -> OtherWords | None:
    """Return a search text with abbreviations spelt out, and what has an abbreviation abbreviated; None for neither."""
    most = _COMMON * len(library.papers)
    return swapped(query.text, _near(library, query), lambda short: library.papers.uses("spelling", short) > most)


def spelt_otherwise(library: Library, query: EncodedQuery) -> str:
    """Return a text with abbreviations spelt out, common ones too, and what has an abbreviation abbreviated."""
    other = swapped(query.text, _near(library, query), lambda short: False)
    return other.text if other else query.text


def _near(library: Library, query: EncodedQuery) -> Iterable[Paper]:
    return library.papers.load([paper_id for paper_id, _ in bm25_search(library, query.terms, None, _READ)])


def swapped(text: str, papers: Iterable[Paper], is_common: Callable[[str], bool]) -> OtherWords | None:
    """Return a text with the other form of each abbreviation that papers define, as most of them do.

    One that is common in the collection tells its papers from no others.
    """
    found = Counter(pair for paper in papers for pair in _definitions(_text(paper)))
    other, replaced, lowered = text, [], text.lower()
    possible = [pair for pair in found if pair[0] in text or pair[1].split()[0].removesuffix("s") in lowered]
    for short, long in sorted(possible, key=lambda pair: (-found[pair], pair)):
        forms = (re.compile(rf"\b{re.escape(short)}s?\b{_NO_NAME}"), short), (_spelling_of(long), long)
        for (asked, _), (written, form) in (forms, forms[::-1]):
            if (match := asked.search(other)) and not written.search(text) and not is_common(short.lower()):
                other = f"{other[: match.start()]}{form}{other[match.end() :]}"
                replaced.append((asked, written))
                break
    return OtherWords(other, tuple(replaced)) if replaced else None


def _text(paper: Paper) -> str:
    return f"{paper.title}. {paper.abstract}"


@lru_cache(_REMEMBERED)
def _definitions(text: str) -> frozenset[tuple[str, str]]:
    """Return the abbreviations that a text defines, each with what it stands for, in lower case and with spaces."""
    found = set()
    for match in _SHORT.finditer(text):
        long = expansion(text[max(0, match.start() - _MOST_BEFORE) : match.start()], match["short"])
        words = re.findall(r"[^\W_]+", long or "")
        if _LEAST_WORDS <= len(words) <= _SHARE * len(match["short"]):
            found.add((match["short"], " ".join(words).lower()))
    return frozenset(found)


def _spelling_of(long: str) -> re.Pattern[str]:
    words = r"s?[\s-]+".join(re.escape(word.removesuffix("s")) for word in long.split())
    return re.compile(rf"\b{words}s?\b", re.IGNORECASE)
