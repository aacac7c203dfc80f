from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.gold.questions import Question
from eval.tuning.trials import SHIPPED, WEIGHTS, KnownPairs, TrialRunner, divide, measurable, question_score
from rag.settings import Settings
from rag.types import Paper
from tests.eval_fakes import answer, question, row
from tests.fakes import (
    CACHE_PAPER,
    HASH_RECIPE,
    PAPERS,
    QUANTUM_PAPER,
    ROBOT_PAPER,
    HashCrossEncoder,
    hash_library,
    hash_models,
    hash_settings,
)

ASKED: dict[str, Paper | None] = {
    "Which papers prune the KV cache memory?": CACHE_PAPER,
    "Which papers are about robots on sand?": ROBOT_PAPER,
    "Which papers are about quantum circuits of shallow depth?": QUANTUM_PAPER,
    "Which papers are about bread ovens?": None,
    "Which papers are about noise and error mitigation?": QUANTUM_PAPER,
    "Which papers are about walking on dunes?": ROBOT_PAPER,
    "Which papers are about weaving wool?": None,
}
QUESTIONS = [
    question(f"q{n}", {paper.paper_id: 2} if paper else {}, question=text)
    for n, (text, paper) in enumerate(ASKED.items())
]
UNTUNED = {"chunk_tokens": 30, "rerank_depth": 3, WEIGHTS: SHIPPED}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[TrialRunner]:
    settings = hash_settings(tmp_path, chunk_tokens=30, chunk_overlap=8, rerank_depth=3)
    made = TrialRunner(settings, hash_library(tmp_path), hash_models(), tmp_path / "work", _load)
    yield made
    made.close()


loaded: list[int] = []


def _load(settings: Settings) -> object:
    loaded.append(settings.chunk_tokens)
    return hash_models()


def test_questions_are_divided_by_type_and_as_they_say_and_the_same_way_each_time() -> None:
    many = [question(f"{kind}{n}", type=kind) for kind in ("set", "fact") for n in range(6)]
    said = [question("s", split="held"), question("t", split="fit")]
    fit, held = divide([*many, *said])
    for part in (fit, held):
        assert sorted(each.type for each in part) == ["fact"] * 4 + ["set"] * 3
    assert "s" in [each.id for each in held] and "t" in [each.id for each in fit]
    assert divide([*many, *said]) == (fit, held)
    assert set(map(id, fit)).isdisjoint(map(id, held))


def test_drafts_and_questions_whose_papers_need_not_be_cited_are_not_scored() -> None:
    kept = measurable([question("a"), question("b", {"2401.00001": 1}), question("c", {}), question("d", drafted=True)])
    assert [each.id for each in kept] == ["a", "c"]


def test_score_is_the_f1_of_cited_papers_or_a_refusal_where_nothing_answers() -> None:
    cited = answer("extractive", "x", (PAPERS[0].paper_id, []), (PAPERS[1].paper_id, []))
    assert question_score(row("a", (), answer=cited)) == pytest.approx(2 / 3)
    assert question_score(row("a", (), answer=answer("refused", ""))) == 0
    assert question_score(row("a", (), {}, answer=answer("refused", ""))) == 1
    assert question_score(row("a", (), {}, answer=cited)) == 0


def test_candidate_is_asked_with_its_settings_and_index(runner: TrialRunner) -> None:
    first = runner.trial(UNTUNED, QUESTIONS)
    assert len(first.scores) == len(QUESTIONS) and 0 <= first.score <= 1
    loaded.clear()
    for _ in range(2):
        runner.trial({**UNTUNED, "chunk_tokens": 20}, QUESTIONS)
    assert loaded == [20]
    assert runner.trial(UNTUNED, QUESTIONS) == first


def test_fitted_weights_are_measured_on_questions_that_they_were_not_fitted_to(runner: TrialRunner) -> None:
    candidate = {**UNTUNED, WEIGHTS: 1.0}
    fitted_to: list[list[str]] = []
    fit = runner.fit

    def noting(candidate: object, questions: list[Question]) -> object:
        fitted_to.append([each.id for each in questions])
        return fit(candidate, questions)  # type: ignore[arg-type]

    runner.fit = noting  # type: ignore[method-assign, assignment]
    assert len(runner.trial(candidate, QUESTIONS).scores) == len(QUESTIONS)
    assert len(fitted_to) == 5
    assert all(sum(each.id not in part for part in fitted_to) == 1 for each in QUESTIONS)
    assert runner.outcome(candidate, QUESTIONS, QUESTIONS[:1]).ranker is not None
    assert runner.outcome(UNTUNED, QUESTIONS, QUESTIONS[:1]).ranker is None


def test_pair_is_read_once() -> None:
    inner = HashCrossEncoder()
    pairs = KnownPairs(inner)
    first = pairs.score("walking robots", ["robots walk", "caches"])
    again = pairs.score("walking robots", ["caches", "robots walk", "sand"])
    assert [texts for _, texts in inner.asked] == [["robots walk", "caches"], ["sand"]]
    assert again.belongs[:2].tolist() == first.belongs[::-1].tolist()
    assert again.span_evidence(1, [(0, 6)]).tolist() == first.span_evidence(0, [(0, 6)]).tolist()
    assert pairs.score("walking robots", []).belongs.tolist() == []
    assert HASH_RECIPE.chunk_tokens == 30
