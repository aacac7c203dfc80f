from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.gold.questions import Question
from eval.training.selection.collections import from_gold
from eval.training.selection.impute import impute
from eval.training.selection.report import calibration, measure
from eval.tuning.examples import Asked, Example, Form, KeptReadings, Search
from eval.tuning.fit import Prior, fit_logistic, fit_ranker, fit_weights, ranker_to_json
from rag.index.library import Library
from rag.models.loading import Models
from rag.retrieval.encoded_query import QueryEncoder
from rag.retrieval.reranking import PaperScores
from rag.retrieval.scoring import Logistic
from rag.types import Paper, Turn
from tests.fakes import (
    CACHE_PAPER,
    EASY_RANKER,
    PAPERS,
    QUANTUM_PAPER,
    ROBOT_PAPER,
    HashCrossEncoder,
    HashEncoder,
)

ASKED: dict[str, Paper] = {
    "Which method prunes the KV cache?": CACHE_PAPER,
    "Which papers prune the KV cache memory?": CACHE_PAPER,
    "Which controller learns to walk on dunes?": ROBOT_PAPER,
    "Which papers are about robots on sand?": ROBOT_PAPER,
    "Which review is about quantum circuits?": QUANTUM_PAPER,
    "Which papers are about error mitigation of noise?": QUANTUM_PAPER,
}
REFUSED = ("Which papers are about bread ovens?", "Which method bakes bread?", "Which oven is hot?")


def asked(text: str, group: int, paper: Paper | None = None, form: Form = "list") -> Asked:
    judged = frozenset(each.paper_id for each in PAPERS)
    belong = frozenset([paper.paper_id] if paper else [])
    return Asked(text, form if paper else "none", group, belong, judged=judged)


def search(library: Library, path: Path) -> tuple[Search, list[Example]]:
    found = Search(library, QueryEncoder(Models(HashEncoder())), HashCrossEncoder(), KeptReadings(path), 9)
    questions = [asked(text, group, paper) for group, (text, paper) in enumerate(ASKED.items())]
    questions += [asked(text, group) for group, text in enumerate(REFUSED)]
    return found, [found.example(each) for each in questions]


@pytest.mark.parametrize("depth", [0, 3])
def test_fitted_ranker_ranks_what_belongs_first_and_refuses_what_nothing_answers(
    library: Library, tmp_path: Path, depth: int
) -> None:
    _, examples = search(library, tmp_path / "read.jsonl")
    fitted = fit_ranker(examples, depth)
    assert (fitted.ranker.reranked is None) == (depth == 0)
    for example in examples[: len(ASKED)]:
        assert example.rank(fitted.ranker, depth)[0].paper.paper_id in example.asked.belong
    report = measure(examples, fitted.hits, fitted.answerable, fitted.ranker.threshold)
    assert report["group: nDCG@10, list"][0] == report["collection: F1 at the cut, list"][0] == 1.0
    assert report["answered, refused"][0] < 0.2 and report["answered or not, AUC"] > 0.9
    assert set(ranker_to_json(fitted.ranker)) >= {"relevance", "answerable", "threshold"}


def test_paper_that_was_not_judged_belongs_as_far_as_the_cross_encoder_says(library: Library, tmp_path: Path) -> None:
    _, examples = search(library, tmp_path / "read.jsonl")
    same = impute(examples, 3, lambda logit: 0.75)
    assert [each.belongs.tolist() for each in same] == [each.belongs.tolist() for each in examples]
    open_ones = [replace(each, asked=replace(each.asked, judged=each.asked.belong)) for each in examples]
    imputed = impute(open_ones, 3, lambda logit: 0.75)
    assert sorted(imputed[0].belongs) == [0.75, 0.75, 1.0]


def test_readings_are_kept_from_run_to_run(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "read.jsonl"
    _, examples = search(library, path)
    first = examples[0].read([0, 1])
    again, examples = search(library, path)
    assert examples[0].read([1, 0]) == first[::-1]
    assert isinstance(again.cross_encoder, HashCrossEncoder) and again.cross_encoder.asked == []
    assert isinstance(first[0], PaperScores)


def test_gold_questions_need_a_ranking_and_no_history() -> None:
    questions = [
        Question("q", "set", "Which?", {"a": 2, "b": 1}),
        Question("h", "set", "And?", {"a": 2}, history=(Turn("before", "answer"),)),
        Question("m", "metadata", "From 2024?", {"a": 2}),
        Question("u", "unanswerable", "On the moon?"),
    ]
    found = from_gold("own", PAPERS, questions).questions
    assert [(each.form, set(each.belong), set(each.unknown)) for each in found] == [
        ("list", {"a"}, {"b"}),
        ("none", set(), set()),
    ]


ROWS = {"names": np.arange(20.0), "noise": np.ones(20)}
LABELS: Sequence[float] = [float(i >= 10) for i in range(20)]


def test_logistic_regression_separates_what_a_feature_separates() -> None:
    fitted = fit_logistic(ROWS, np.array(LABELS))
    assert fitted.coefficients["names"] > 0.1
    assert fitted.coefficients["noise"] == 0.0
    assert (fitted.logits(ROWS) > 0).tolist() == [bool(each) for each in LABELS]


def test_rows_without_a_label_are_left_out_and_equal_labels_give_a_finite_model() -> None:
    labels = np.array([np.nan, *LABELS[1:]])
    assert fit_logistic(ROWS, labels).coefficients["names"] > 0.1
    assert fit_logistic(ROWS, np.ones(20)).probability({"names": 3.0, "noise": 1.0}) > 0.9


def test_few_examples_move_a_prior_as_far_as_its_strength_lets_them() -> None:
    prior = Logistic({"names": -0.3, "noise": 0.7}, 1.0)
    strong = fit_logistic(ROWS, np.array(LABELS), prior, 1e9)
    assert strong.coefficients == pytest.approx(prior.coefficients, abs=1e-4)
    assert strong.intercept == pytest.approx(prior.intercept, abs=1e-3)
    weaker = [fit_logistic(ROWS, np.array(LABELS), prior, each).coefficients["names"] for each in (100.0, 1.0, 0.01)]
    assert -0.3 < weaker[0] < weaker[1] < weaker[2]


def test_fit_with_a_prior_keeps_its_threshold_and_what_one_outcome_says_nothing_about(
    library: Library, tmp_path: Path
) -> None:
    _, examples = search(library, tmp_path / "read.jsonl")
    prior = Prior(EASY_RANKER, 1.0)
    fitted = fit_weights(examples, 3, prior)
    assert fitted.threshold == EASY_RANKER.threshold
    assert fitted.relevance != EASY_RANKER.relevance and fitted.answerable != EASY_RANKER.answerable
    assert fit_weights(examples[: len(ASKED)], 3, prior).answerable == EASY_RANKER.answerable


def test_calibration_compares_probabilities_with_shares() -> None:
    found = calibration(np.array([0.0, 0.0, 0.8, 0.8]), np.array([False, False, True, False]))
    assert found["table"] == [[0.0, 0.0, 2], [0.8, 0.5, 2]]
    assert found["ece"] == 0.15 and found["ece above 0.05"] == 0.3
