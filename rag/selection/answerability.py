"""Whether the collection answers a question at all.

Two tests, neither of which trusts one model's raw score: a calibrated probability over features of the nearest papers,
and, for a fact of a paper that the question names, whether that paper mentions everything that the question names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations, takewhile

from rag.index.bm25 import idf_coverage
from rag.index.library import Library
from rag.retrieval.encoded_query import EncodedQuery
from rag.retrieval.passages import abstract_sentences, sentence_scores
from rag.retrieval.scoring import Ranker
from rag.text.identifiers import find_identifiers, is_identifier
from rag.text.tokens import tokenize
from rag.types import Hit, Paper, Query

_NEAREST = 3  # papers in which the best sentence is looked for
_NAMES_COUNTED = 2
_TOP = 5
_QUESTION_TERMS = frozenset(
    tokenize(
        "which what who how many much long do does did can could paper papers work works method methods use used using"
        " show list have has had been where when why than more most any other its his her our your here collection"
        " report reports reported give gives reach reached achieve achieved"
    )
)
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
_NAME_WORDS = 4  # of the longest name
_SYSTEM_NAME_WORDS = 4  # of a title's first part that may be a system's name

FEATURE_SIGNS: Mapping[str, int] = {"unknown": -1, "names_missing": -1, "names_share": -1, "asked_missing": -1}
"""The features that may only lower the probability; all others may only raise it."""


def answerable_group(query: Query) -> str:
    """Return which of the ranker's models applies: "list" or "other"."""
    return "list" if query.kind == "list" else "other"


def answerable_probability(
    query: Query, encoded: EncodedQuery, hits: Sequence[Hit], library: Library, ranker: Ranker
) -> float:
    """Return the probability that the papers found, best first, answer the question, in [0, 1]."""
    if not hits:
        return 0.0
    features = answerable_features(query, encoded, hits, library)
    return ranker.answerable[answerable_group(query)].probability(features)


def answerable_features(query: Query, encoded: EncodedQuery, hits: Sequence[Hit], library: Library) -> dict[str, float]:
    """Measure how much of what is asked the nearest papers have; each feature in its own unit, most in [0, 1]."""
    best = hits[0]
    words = set(tokenize(f"{best.paper.title}. {best.paper.abstract}"))
    rarity = library.bm25.idf(_content_terms(encoded.text))
    unknown = {term for term in rarity if not library.bm25.has_term(term)}
    names = find_identifiers(query.asked)
    missing = [name for name in names if not mentions(best.paper, name)]
    counted = counted_in(query.asked)
    return {
        **{f"best_{signal}": value for signal, value in best.signals.items() if signal != "lexical"},
        "agreement": _agreement(hits),
        "ahead": best.strength - hits[1].strength if len(hits) > 1 else 0.0,
        "coverage": idf_coverage(rarity, words),
        "unknown": idf_coverage(rarity, unknown),
        "names_missing": float(min(_NAMES_COUNTED, sum(map(is_identifier, missing)))),
        "names_share": len(missing) / len(names) if names else 0.0,
        "asked_missing": _counted_missing(counted, [hit.paper for hit in hits[:2]]),
        "sentence": max(
            max(sentence_scores(library, encoded, hit.paper, abstract_sentences(hit.paper))) for hit in hits[:_NEAREST]
        ),
    }


def missing_details(query: Query, papers: Sequence[Paper]) -> tuple[str, ...]:
    """Return what a fact question asks about that the nearest paper does not mention, where that settles it.

    It does for a fact of a paper that the question names, unless the question also names one of the other `papers`
    (best first), and for a fact of a source that the question names ("in the Pebble report").
    """
    if query.kind != "fact" or not papers:
        return ()
    best = papers[0]
    sources = [name for match in _SOURCE.finditer(query.asked) for name in find_identifiers(f". x {match[1]}")]
    missing = [name for name in sources if not mentions(best, name)]
    names = find_identifiers(query.asked)
    if _is_named(names, best) and not any(_is_named(names, other) for other in papers[1:]):
        missing += [name for name in names if is_identifier(name) and not mentions(best, name)]
        counted = counted_in(query.asked)
        if counted and not any(_has_word(best, word) for word in counted):
            missing.append(" ".join(counted))
    return tuple(dict.fromkeys(missing))


def unmentioned(subjects: Sequence[str], papers: Sequence[Paper]) -> tuple[str, ...]:
    """Return the subjects of a comparison that hold a name which none of the papers mentions."""
    named = {subject: find_identifiers(f". the {subject}") for subject in subjects}
    return tuple(
        subject
        for subject, names in named.items()
        if names and not any(mentions(paper, name) for name in names for paper in papers)
    )


def mentions(paper: Paper, name: str) -> bool:
    """Return whether a paper has a name, written together or apart, or all parts of a hyphenated name."""
    held = _words(f"{paper.title} {paper.abstract}")
    parts = [part for part in re.split(r"[-/]", name) if part]
    return _singular(name) in held or (
        len(parts) > 1 and all(part.isalpha() and _singular(part) in held for part in parts)
    )


def counted_in(question: str) -> list[str]:
    """Return the words for what "how many" and "how much" count: "how many input tokens did" gives input, tokens."""
    found: list[str] = []
    for match in _COUNTED.finditer(question):
        words = takewhile(lambda word: word.lower() not in _ENDS_COUNTED, match[1].split())
        found += [word for word in words if word.lower() not in _COUNTS_NOTHING and len(word) > 2]
    return found


def _content_terms(text: str) -> list[str]:
    return [term for term in dict.fromkeys(tokenize(text)) if len(term) > 1 and term not in _QUESTION_TERMS]


def _agreement(hits: Sequence[Hit]) -> float:
    """Return the share of the best five papers that two signals have in common, averaged over all pairs of signals."""
    known = set(hits[0].signals).intersection(*(hit.signals for hit in hits))  # a postprocessor's paper may have none
    tops = [
        {hit.paper.paper_id for hit in sorted(hits, key=lambda hit: -hit.signals[signal])[:_TOP]}
        for signal in sorted(known)
    ]
    shared = [len(one & other) / _TOP for one, other in combinations(tops, 2)]
    return sum(shared) / len(shared) if shared else 0.0


def _counted_missing(counted: Sequence[str], papers: Sequence[Paper]) -> float:
    if not counted:
        return 0.0
    return min(sum(not _has_word(paper, word) for word in counted) / len(counted) for paper in papers)


def _has_word(paper: Paper, word: str) -> bool:
    """Return whether an abstract has a word or another form of it."""
    return bool(set(tokenize(word)).intersection(tokenize(paper.abstract)))


def _is_named(names: Sequence[str], paper: Paper) -> bool:
    """Return whether the names in a question hold the system's name that begins a paper's title."""
    head = paper.title.split(":")[0].split()
    words = {_plain(word) for word in head} if len(head) <= _SYSTEM_NAME_WORDS else set()
    return any(_plain(name) in words for name in names)


@lru_cache(maxsize=256)
def _words(text: str) -> frozenset[str]:
    """Return the words of a text, and runs of up to four of them written together."""
    words = [_singular(word) for word in re.findall(r"[^\W_]+", text)]
    return frozenset("".join(words[i : i + length]) for length in range(1, _NAME_WORDS + 1) for i in range(len(words)))


def _singular(word: str) -> str:
    return _plain(word).removesuffix("s")


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())
