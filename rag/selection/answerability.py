"""Whether the collection answers a question at all, and which of the things it names no cited paper mentions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike

from rag.models.cross_encoder import CrossEncoder
from rag.models.encoder import document_text
from rag.retrieval.scoring import ALWAYS_READ, Ranker, sigmoid
from rag.text.identifiers import find_identifiers, is_identifier
from rag.text.normalize import spell_greek
from rag.types import Hit, Paper, Query

_LEAST_EXPECTED = 1e-3  # papers
SURE = 0.8  # probability of being answered from which no second reading is needed


def answerable_probability(hits: Sequence[Hit], ranker: Ranker) -> float:
    """Return the probability that the papers found answer the question, in [0, 1]."""
    return ranker.answerable.probability(answerable_features(hits)) if hits else 0.0


def answerable_features(hits: Sequence[Hit]) -> dict[str, float]:
    """Return the features of a question that is answered: what the best papers say, and how many papers are expected.

    `answers` is the logarithm of how many papers are expected to answer by the cross-encoder's logits, which are
    missing where it has read nothing.
    """
    maxsim, answers = ([hit.signals[name] for hit in hits if name in hit.signals] for name in ("maxsim", "answers"))
    return {
        "expected": _expected(hits),
        **({"maxsim": max(maxsim)} if maxsim else {}),
        **({"answers": _log_count(answers)} if answers else {}),
    }


def reread_features(question: str, hits: Sequence[Hit], reader: CrossEncoder) -> Iterator[dict[str, float]]:
    """Yield the same features from a second reading by the deeper cross-encoder: of the best paper, then of the best.

    It reads whole papers, which takes long, and the others need no reading where the best is enough.
    """
    best = [hit.paper for hit in hits if "answers" in hit.signals][:ALWAYS_READ]
    answers: list[float] = []
    for papers in (best[:1], best[1:]):
        if papers:
            read = reader.score(question, [document_text(paper.title, paper.abstract) for paper in papers])
            answers.extend(read.answers.tolist())
            yield {"expected": _expected(hits), "answers": _log_count(answers)}


def _expected(hits: Sequence[Hit]) -> float:
    return math.log(max(_LEAST_EXPECTED, sum(hit.score for hit in hits)))


def _log_count(answers: ArrayLike) -> float:
    """Return the logarithm of how many papers are expected to answer, by their logits."""
    return math.log(sum(sigmoid(np.asarray(answers, np.float64))))


def unmentioned(query: Query, papers: Sequence[Paper]) -> tuple[str, ...]:
    """Return the names in a question, or the sides of a comparison with names, that no paper mentions."""
    if query.kind == "compare":
        named = {side: find_identifiers(f". the {side}") for side in query.subjects}
    elif query.kind == "fact":
        named = {name: [name] for name in find_identifiers(query.asked) if is_identifier(name)}
    else:
        named = {name: [name] for name in find_identifiers(query.text) if len(name) > 1 and not name.isdigit()}
    return tuple(
        side
        for side, names in named.items()
        if names and not any(mentions(paper, name) for name in names for paper in papers)
    )


def mentions(paper: Paper, name: str) -> bool:
    """Return whether a paper has a name, written together or apart, or all parts of a hyphenated name."""
    text = f"{paper.title} {paper.abstract}"
    parts = [part for part in re.split(r"[-/]", name) if part]
    return _has_words(text, name) or (
        len(parts) > 1 and all(part.isalpha() and _has_words(text, part) for part in parts)
    )


def mentions_all(paper: Paper, names: Sequence[str]) -> bool:
    """Return whether a paper mentions all of some names, of which there are any."""
    return bool(names) and all(mentions(paper, name) for name in names)


def _has_words(text: str, name: str) -> bool:
    """Return whether successive words of a text, written together, are a name."""
    wanted, (letters, bounds) = _singular(name), _written_together(text)
    at = letters.find(wanted) if wanted else -1
    while at >= 0 and not (at in bounds and at + len(wanted) in bounds):
        at = letters.find(wanted, at + 1)
    return at >= 0


@lru_cache(maxsize=256)
def _written_together(text: str) -> tuple[str, frozenset[int]]:
    """Return the words of a text without anything between them, and where they begin and end."""
    words = [_singular(word) for word in re.findall(r"[^\W_]+", text)]
    return "".join(words), frozenset(accumulate(map(len, words), initial=0))


@lru_cache(maxsize=1 << 14)
def _singular(word: str) -> str:
    return re.sub(r"[\W_]", "", spell_greek(word).casefold()).removesuffix("s")
