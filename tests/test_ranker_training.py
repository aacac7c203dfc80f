from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.gold.questions import Question
from eval.training.ranker.examples import RankingExample, collect, ranked
from eval.training.ranker.fit import fit_depth
from eval.training.ranker.models import fit_logistic, fit_relevance, fit_signals
from rag.engine import Engine
from rag.index.library import Library
from rag.retrieval.scoring import Logistic
from rag.types import Hit, Paper, Query, Turn
from tests.fakes import (
    CACHE_PAPER,
    EASY_RANKER,
    PAPERS,
    QUANTUM_PAPER,
    ROBOT_PAPER,
    hash_library,
    hash_models,
    hash_settings,
)

ASKED: dict[str, Paper] = {
    "Which method prunes the KV cache?": CACHE_PAPER,
    "Which papers prune the KV cache?": CACHE_PAPER,
    "Which controller learns to walk on dunes?": ROBOT_PAPER,
    "Which papers are about robots on sand?": ROBOT_PAPER,
    "Which review is about quantum circuits?": QUANTUM_PAPER,
    "Which papers are about error mitigation?": QUANTUM_PAPER,
}
ANSWERED = [Question(f"q{i}", "x", text, {paper.paper_id: 2}) for i, (text, paper) in enumerate(ASKED.items())]
REFUSED = [
    Question(f"u{i}", "unanswerable", text)
    for i, text in enumerate(("Which papers are about bread ovens?", "Which method bakes bread?", "Which oven is hot?"))
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    opened = hash_library(tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


def engine(library: Library, rerank_depth: int = 30) -> Engine:
    settings = hash_settings(Path("home"), rerank_depth=rerank_depth)
    return Engine(settings, library, hash_models(), ranker=EASY_RANKER)


def examples(count: int = 12, papers: int = 30) -> list[RankingExample]:
    """Make questions of which "maxsim" knows the one right paper, and "dense" knows nothing."""
    random = np.random.default_rng(7)
    made = []
    for _ in range(count):
        noise, right = random.normal(size=papers), int(random.integers(papers))
        good = random.normal(size=papers) * 0.1
        good[right] += 3
        hits = tuple(
            Hit(i + 1, PAPERS[0], 0.0, float(good[i]), {"dense": float(noise[i]), "maxsim": float(good[i])})
            for i in range(papers)
        )
        grades = np.array([2 if i == right else 0 for i in range(papers)])
        made.append(RankingExample(Query("Which?", "list", "which"), hits, grades, {}, True))
    return made


def test_signal_that_knows_the_answer_gets_the_weight() -> None:
    weights = fit_signals(examples(), ("dense", "maxsim"))
    assert list(weights) == ["dense", "maxsim"]
    assert weights["maxsim"] > 1 > 0.3 > weights["dense"] >= 0


def test_no_signal_gets_a_weight_below_0() -> None:
    turned = [
        replace(each, hits=tuple(replace(hit, signals={"maxsim": -hit.signals["maxsim"]}) for hit in each.hits))
        for each in examples()
    ]
    assert fit_signals(turned, ("maxsim",)) == {"maxsim": 0.0}


def test_probability_grows_with_strength_and_falls_behind_the_best() -> None:
    model = Logistic(**fit_relevance(examples()))
    good = {"strength": 3.0, "behind": 0.0, "best_maxsim_idf": 0.0, "best_rerank": 0.0, "list": 1.0}
    assert model.probability(good) > 0.1 > 0.001 > model.probability({**good, "strength": 0.0, "behind": 3.0})


def test_paper_that_may_be_there_teaches_nothing() -> None:
    some = examples()
    unsure = [replace(each, grades=np.where(each.grades == 0, 1, each.grades)) for each in some]
    only = fit_relevance(unsure)["coefficients"]
    assert only["strength"] == pytest.approx(0, abs=0.5)


ROWS: Sequence[dict[str, float]] = [{"length": float(i % 2), "names": float(i), "noise": 1.0} for i in range(20)]
LABELS = [i >= 10 for i in range(20)]


def test_logistic_regression_separates_what_a_feature_separates() -> None:
    fitted = fit_logistic(ROWS, LABELS)
    assert fitted.keys() == {"coefficients", "intercept"}
    assert fitted["coefficients"]["names"] > 0.1
    assert fitted["coefficients"]["noise"] == 0.0
    model = Logistic(**fitted)
    assert [model.probability(row) > 0.5 for row in ROWS] == LABELS


def test_coefficient_never_has_the_sign_that_its_meaning_excludes() -> None:
    fitted = fit_logistic(ROWS, LABELS, {"names": -1, "length": 1, "noise": 1})["coefficients"]
    assert fitted["names"] == 0.0
    assert fitted["length"] >= 0
    fitted = fit_logistic(ROWS, [not label for label in LABELS], {"names": -1})["coefficients"]
    assert fitted["names"] < -0.1


def test_labels_that_are_all_the_same_give_a_finite_model() -> None:
    fitted = fit_logistic(ROWS, [True] * 20)
    assert all(map(np.isfinite, [*fitted["coefficients"].values(), fitted["intercept"]]))
    assert Logistic(**fitted).probability(ROWS[0]) > 0.9


def test_questions_are_searched_as_a_user_would_and_graded_in_the_order_of_the_hits(library: Library) -> None:
    history = replace(ANSWERED[0], id="h", history=(Turn("before", "answer"),))
    metadata = replace(ANSWERED[0], id="m", question="papers from 2024")
    weather = Question("w", "unanswerable", "What is the weather today?")
    found = collect(engine(library), [ANSWERED[0], history, metadata, weather, REFUSED[0]])
    assert [each.query.question for each in found] == [ANSWERED[0].question, REFUSED[0].question]
    assert [each.answerable for each in found] == [True, False]
    assert found[0].hits[0].paper == CACHE_PAPER
    assert found[0].grades.tolist() == [2, 0, 0]
    assert found[0].signal("maxsim").tolist() == [hit.signals["maxsim"] for hit in found[0].hits]
    assert {"coverage", "unknown", "names_missing", "ahead", "sentence"} <= found[0].features.keys()
    assert ranked(found) == found[:1]


def test_same_questions_give_the_same_weights_of_both_depths(library: Library) -> None:
    questions = [*ANSWERED, *REFUSED]
    for depth, rerank_depth, signals in (
        ("full", 30, ["dense", "lexical", "maxsim", "maxsim_idf", "rerank"]),
        ("fast", 0, ["dense", "lexical", "maxsim", "maxsim_idf"]),
    ):
        first = fit_depth(depth, engine(library, rerank_depth), questions)  # type: ignore[arg-type]
        assert first == fit_depth(depth, engine(library, rerank_depth), questions)  # type: ignore[arg-type]
        assert list(first["signals"]) == signals
        assert first["questions"] == 9
        assert first["answerable"].keys() == {"list", "other"}
        assert first["answerable"]["list"]["coefficients"]["unknown"] <= 0
