"""Does the collection answer a question at all? What speaks for it, as numbers that a calibrated threshold decides on.

No model's raw score decides alone: beside them stand what the question names, asks for and is about, and whether the
nearest paper has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from rag.index.bm25 import idf_coverage
from rag.index.library import Library
from rag.retrieval.encoded_query import Reading
from rag.retrieval.passages import sentence_matches, sentences
from rag.retrieval.scoring import Ranker
from rag.selection.missing_details import counted_in, counts, mentions
from rag.text.identifiers import find_identifiers, is_identifier
from rag.text.tokens import tokenize
from rag.types import Hit, Paper, Query

_LOOKED_AT = 3  # papers in which the best sentence is looked for
_MOST_NAMES = 2
_TOP = 5
_ASKING = frozenset(
    tokenize(
        "which what who how many much long do does did can could paper papers work works method methods use used using"
        " show list have has had been where when why than more most any other its his her our your here collection"
        " report reports reported give gives reach reached achieve achieved"
    )
)

SIGNS: Mapping[str, int] = {"unknown": -1, "names_missing": -1, "names_share": -1, "asked_missing": -1}
"""The features that can only speak against an answer; all others can only speak for one."""


def group_of(query: Query) -> str:
    """Name the group of questions whose model decides: lists, or all others."""
    return "list" if query.kind == "list" else "other"


def answerable(query: Query, reading: Reading, hits: Sequence[Hit], library: Library, ranker: Ranker) -> float:
    """Give the probability that the papers found answer the question, in [0, 1]."""
    if not hits:
        return 0.0
    return ranker.answerable[group_of(query)].probability(answerable_features(query, reading, hits, library))


def answerable_features(query: Query, reading: Reading, hits: Sequence[Hit], library: Library) -> dict[str, float]:
    """Measure what the nearest paper has of what is asked; all in their own units, most in [0, 1]."""
    best = hits[0]
    words = set(tokenize(f"{best.paper.title}. {best.paper.abstract}"))
    rarity = library.bm25.idf(_terms(reading.text))
    unknown = {term for term in rarity if not library.bm25.has_term(term)}
    names = find_identifiers(query.asked)
    missing = [name for name in names if not mentions(best.paper, name)]
    asked = counted_in(query.asked)
    return {
        **{f"best_{signal}": value for signal, value in best.signals.items() if signal != "lexical"},
        "agreement": _agreement(hits),
        "ahead": best.strength - hits[1].strength if len(hits) > 1 else 0.0,
        "coverage": idf_coverage(rarity, words),
        "unknown": idf_coverage(rarity, unknown),
        "names_missing": float(min(_MOST_NAMES, sum(map(is_identifier, missing)))),
        "names_share": len(missing) / len(names) if names else 0.0,
        "asked_missing": _asked_missing(asked, [hit.paper for hit in hits[:2]]),
        "sentence": max(_best_sentence(library, reading, hit.paper) for hit in hits[:_LOOKED_AT]),
    }


def _terms(text: str) -> list[str]:
    return [term for term in dict.fromkeys(tokenize(text)) if len(term) > 1 and term not in _ASKING]


def _agreement(hits: Sequence[Hit]) -> float:
    """Give the share of papers that two signals have in common among the best five of each, over all their pairs."""
    known = set(hits[0].signals).intersection(*(hit.signals for hit in hits))  # a postprocessor's paper may have none
    tops = [
        {hit.paper.paper_id for hit in sorted(hits, key=lambda hit: -hit.signals[signal])[:_TOP]}
        for signal in sorted(known)
    ]
    shared = [len(one & other) / _TOP for one, other in combinations(tops, 2)]
    return sum(shared) / len(shared) if shared else 0.0


def _asked_missing(asked: Sequence[str], papers: Sequence[Paper]) -> float:
    if not asked:
        return 0.0
    return min(sum(not counts(paper, word) for word in asked) / len(asked) for paper in papers)


def _best_sentence(library: Library, reading: Reading, paper: Paper) -> float:
    return max(sentence_matches(library, reading, paper, sentences(paper)))
