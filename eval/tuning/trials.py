"""What a candidate reaches on questions: the answers of the engine with its settings, index and weights.

A question that is answered scores the F1 of the papers cited, one that nothing answers 1 for a refusal and else 0, as
in SQuAD 2.0 (Rajpurkar et al., ACL 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from eval.gold.questions import SPLITS, Question
from eval.measures.catalogue import scores
from eval.runs.asking import ask_one
from eval.runs.rows import Row
from eval.tuning.examples import Example, KeptReadings, Search, read_asked
from eval.tuning.fit import Prior, fit_weights
from eval.tuning.search import Candidate, Trial
from rag.corpus.reader import Corpus
from rag.engine import Engine
from rag.errors import CitedeskError
from rag.index.generations import IndexFolder, Recipe
from rag.index.library import Library, open_library
from rag.index.plan import BuildPlan, index_recipe
from rag.index.update import update_index
from rag.index.vector_servers import connector
from rag.models.cross_encoder import CrossEncoder, PairScores
from rag.models.loading import Models, load_index_models
from rag.retrieval.encoded_query import QueryEncoder
from rag.retrieval.scoring import Ranker, load_ranker
from rag.settings import Settings

WEIGHTS = "weights"
"""The parameter that is no setting: "shipped", or the strength with which fitted weights are drawn to those."""
SHIPPED = "shipped"
FOLDS = 5


def divide(questions: Sequence[Question]) -> tuple[list[Question], list[Question]]:
    """Divide questions in those to fit on and those to measure on: as they say, else half of each type by their ids."""
    parts: dict[str, list[Question]] = {name: [] for name in SPLITS}
    for kind in dict.fromkeys(each.type for each in questions):
        free = [each for each in questions if each.type == kind and not each.split]
        free.sort(key=lambda each: sha256(each.id.encode()).digest())
        for number, each in enumerate(free):
            parts[SPLITS[number % len(SPLITS)]].append(each)
    for each in questions:
        if each.split:
            parts[each.split].append(each)
    order = {each.id: number for number, each in enumerate(questions)}
    fit, held = (sorted(parts[name], key=lambda each: order[each.id]) for name in SPLITS)
    return fit, held


def measurable(questions: Sequence[Question]) -> list[Question]:
    """Return the reviewed questions that can be scored: nothing answers them, or some paper must be cited."""
    return [each for each in questions if not each.drafted and (each.wanted or not each.answerable)]


def question_score(row: Row) -> float:
    """Score one answer, from 0 to 1."""
    found = scores(row)
    return found["cited_f1"] if row.question.answerable else found["rightly_refused"]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The rows of questions that were asked, and the weights that answered them, None for those that ship."""

    rows: tuple[Row, ...]
    ranker: Ranker | None

    @property
    def scores(self) -> tuple[float, ...]:
        """The score of each question."""
        return tuple(map(question_score, self.rows))


class TrialRunner:
    """Asks questions with candidates; indexes of other chunks and models are built in `folder`, and kept open."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        models: Models,
        folder: Path,
        load: Callable[[Settings], Models] = load_index_models,
    ) -> None:
        """`library` and `models` are those in force; `load` loads the models of other settings."""
        assert models.cross_encoder
        self._settings = settings
        self._papers = tuple(library.papers.values())
        self._folder = folder
        self._cross_encoder = KnownPairs(models.cross_encoder)
        self._load = load
        self._opened: dict[Recipe, tuple[Library, Models]] = {library.manifest.recipe: (library, models)}
        self._examples: dict[tuple[Recipe, int], dict[str, Example]] = {}

    def close(self) -> None:
        """Close the indexes."""
        for library, _ in self._opened.values():
            library.close()

    def trial(self, candidate: Candidate, questions: Sequence[Question]) -> Trial:
        """Ask questions with a candidate; what is fitted is fitted to the other questions (5 folds)."""
        if candidate[WEIGHTS] == SHIPPED:
            return Trial(candidate, self._ask(candidate, questions, None).scores)
        found = np.zeros(len(questions))
        for fold in range(FOLDS):
            others = [each for i, each in enumerate(questions) if i % FOLDS != fold]
            own = range(fold, len(questions), FOLDS)
            asked = self._ask(candidate, [questions[i] for i in own], self.fit(candidate, others))
            found[own] = asked.scores
        return Trial(candidate, tuple(found.tolist()))

    def outcome(self, candidate: Candidate, fit: Sequence[Question], held: Sequence[Question]) -> Outcome:
        """Ask the questions held out with a candidate that is fitted to the others."""
        ranker = None if candidate[WEIGHTS] == SHIPPED else self.fit(candidate, fit)
        return self._ask(candidate, held, ranker)

    def fit(self, candidate: Candidate, questions: Sequence[Question]) -> Ranker:
        """Fit the weights to questions, drawn to those that ship."""
        settings, library, models = self._opened_for(candidate)
        search = Search(library, QueryEncoder(models), self._cross_encoder, KeptReadings(), settings.pool)
        known = self._examples.setdefault((library.manifest.recipe, settings.pool), {})
        asked = read_asked(questions)
        for each in asked:
            if each.text not in known:
                known[each.text] = search.example(each)
        shipped = load_ranker("full" if settings.rerank_depth else "fast")
        return fit_weights(
            [known[each.text] for each in asked], settings.rerank_depth, Prior(shipped, candidate[WEIGHTS])
        )

    def _ask(self, candidate: Candidate, questions: Sequence[Question], ranker: Ranker | None) -> Outcome:
        settings, library, models = self._opened_for(candidate)
        ranker = ranker or load_ranker("full" if settings.rerank_depth else "fast")
        engine = Engine(settings, library, replace(models, cross_encoder=self._cross_encoder), ranker=ranker)
        rows = []
        for question in questions:
            row = ask_one(engine, question, "extractive")
            if row.error:
                raise CitedeskError(f"The question {question.id} cannot be asked: {row.error}")
            rows.append(row)
        return Outcome(tuple(rows), None if candidate[WEIGHTS] == SHIPPED else ranker)

    def _opened_for(self, candidate: Candidate) -> tuple[Settings, Library, Models]:
        changed = {name: value for name, value in candidate.items() if name != WEIGHTS}
        settings = replace(self._settings, **changed)
        recipe = index_recipe(settings)
        if recipe not in self._opened:
            models = self._load(settings)
            settings = replace(settings, home=self._folder / str(len(self._opened)))
            folder, corpus = IndexFolder(settings.home), Corpus.of(self._papers)
            plan = BuildPlan(
                corpus, recipe, ("tuning",), settings.saved_year, datetime.now(UTC), connect=connector(settings)
            )
            update_index(folder, plan, lambda: models)
            self._opened[recipe] = open_library(settings), models
        return settings, *self._opened[recipe]


@dataclass
class KnownPairs:
    """A cross-encoder that reads each pair of a question and a text once."""

    cross_encoder: CrossEncoder
    _known: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def cuts(self) -> Mapping[str, float | Sequence[float]]:
        """Cuts and calibrations of the logits."""
        return self.cross_encoder.cuts

    def score(self, question: str, texts: Sequence[str]) -> PairScores:
        """Score texts, reading those that were not read before."""
        unread = list(dict.fromkeys(text for text in texts if (question, text) not in self._known))
        if unread:
            found = self.cross_encoder.score(question, unread)
            logits = np.column_stack([found.belongs, found.answers, found.supports, found.contradicts])
            for i, text in enumerate(unread):
                self._known[question, text] = logits[i], found.evidence[i], found.offsets[i]
        known = [self._known[question, text] for text in texts]
        columns = np.array([each for each, _, _ in known], np.float32).reshape(-1, 4).T
        belongs, answers, supports, contradicts = columns
        return PairScores(
            belongs,
            answers,
            supports,
            contradicts,
            tuple(each for _, each, _ in known),
            tuple(each for _, _, each in known),
        )
