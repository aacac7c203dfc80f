"""Training examples from the search itself: a question's papers with their signals, and its answerability features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.gold.questions import MUST, Question
from rag.engine import Engine
from rag.selection.answerability import answerable_features
from rag.types import Hit, Query, Signal

_NO_SEARCH = ("metadata", "off-topic")  # kinds that are answered without a ranking


@dataclass(frozen=True, slots=True, eq=False)
class RankingExample:
    """One question: its papers with their signals, their grades (n,), and the answerability features."""

    query: Query
    hits: tuple[Hit, ...]
    grades: NDArray[np.int64]
    features: Mapping[str, float]
    answerable: bool

    def signal(self, name: Signal) -> NDArray[np.float64]:
        """Return one signal of all papers (n,), in the order of the hits."""
        return np.array([hit.signals[name] for hit in self.hits])


def collect(engine: Engine, questions: Iterable[Question]) -> list[RankingExample]:
    """Search for each question as a user would; leaves out questions without a ranking or with a history."""
    examples = []
    for question in questions:
        query = engine.understand(question.question)
        if query.kind in _NO_SEARCH or question.history:
            continue
        found = engine.find(query)
        hits = found.ranking
        if not hits:
            continue
        features = answerable_features(query, found.encoded[0], hits, engine.library)
        grades = np.array([question.relevant.get(hit.paper.paper_id, 0) for hit in hits])
        examples.append(RankingExample(query, hits, grades, features, question.answerable))
    return examples


def ranked(examples: Sequence[RankingExample]) -> list[RankingExample]:
    """Return the examples for which a paper of grade 2 was found."""
    return [example for example in examples if MUST in example.grades]
