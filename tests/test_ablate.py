from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eval.ablation import signals, steps
from eval.ablation.ablate import ablation_to_json, ablation_to_text
from eval.ablation.signals import Parts, SignalSource, rank_all
from eval.ablation.steps import STEPS, Step, StepScore, measurable, run_ablation
from eval.gold.questions import Question
from rag.cli.main import main
from rag.corpus.reader import Corpus
from rag.engine import Engine
from rag.index.generations import IndexFolder
from rag.index.plan import BuildPlan, index_recipe
from rag.index.update import update_index
from rag.models.loading import load_index_models
from rag.settings import Settings
from rag.types import Turn
from tests.fakes import (
    CACHE_PAPER,
    EASY_RANKER,
    PAPERS,
    ROBOT_PAPER,
    HashCrossEncoder,
    HashEncoder,
    hash_library,
    hash_models,
    hash_settings,
)

QUESTIONS = (
    Question("q1", "fact", "prune the KV cache", {CACHE_PAPER.paper_id: 2}),
    Question("q2", "fact", "robots that walk on dunes", {ROBOT_PAPER.paper_id: 2}),
)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    settings, models = hash_settings(tmp_path / "home"), hash_models()
    library = hash_library(settings.home)
    fast = Engine(replace(settings, rerank_depth=0), library, models, ranker=EASY_RANKER)
    yield Parts(settings, library, models, fast, Engine(settings, library, models, ranker=EASY_RANKER))
    library.close()


def embedded(parts: Parts) -> list[str]:
    assert isinstance(parts.encoder, HashEncoder)
    return parts.encoder.asked


def by_name(scores: tuple[StepScore, ...]) -> dict[str, StepScore]:
    return {score.step.name: score for score in scores}


def test_each_step_adds_to_one_above_it() -> None:
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)
    for i, step in enumerate(STEPS):
        assert step.adds_to is None or step.adds_to in names[:i]
        assert set(step.signals) <= signals.SIGNALS.keys()


def test_every_step_is_scored_with_n_and_its_gain(parts: Parts, tmp_path: Path) -> None:
    scores = by_name(run_ablation(parts, QUESTIONS, tmp_path / "kept"))
    assert list(scores) == [
        "lexical",
        "dense_whole",
        "dense",
        "fused",
        "maxsim_even",
        "maxsim",
        "ranked",
        "reranked",
        "fast",
        "full",
    ]
    assert (scores["full"].measures["ndcg@10"].mean, scores["full"].measures["ndcg@10"].n) == (1.0, 2)
    assert scores["lexical"].gains == {}
    assert scores["full"].gains["ndcg@10"].mean == 0.0


def test_second_run_ranks_only_with_what_is_never_kept(parts: Parts, tmp_path: Path) -> None:
    scorer = parts.models.cross_encoder
    assert isinstance(scorer, HashCrossEncoder)
    first = run_ablation(parts, QUESTIONS, tmp_path)
    embedded(parts).clear()
    scorer.asked.clear()
    assert run_ablation(parts, QUESTIONS, tmp_path) == first
    asked = ["prune the KV cache", "robots that walk on dunes"]
    assert set(embedded(parts)) == set(asked)  # by both engines
    assert [question for question, _ in scorer.asked] == asked * 2  # the engine's own search, as it is and understood


def test_new_question_is_ranked_beside_those_that_are_kept(parts: Parts, tmp_path: Path) -> None:
    rank_all(parts, ["dense"], ["prune the KV cache"], tmp_path)
    embedded(parts).clear()
    rankings = rank_all(parts, ["dense"], ["prune the KV cache", "dunes"], tmp_path)
    assert embedded(parts) == ["dunes"]
    assert rankings["dense"]["prune the KV cache"][0] == CACHE_PAPER.paper_id
    assert rankings["dense"]["dunes"][0] == ROBOT_PAPER.paper_id


def test_fresh_run_uses_nothing_that_was_kept(parts: Parts, tmp_path: Path) -> None:
    rank_all(parts, ["dense"], ["dunes"], tmp_path)
    embedded(parts).clear()
    rank_all(parts, ["dense"], ["dunes"], tmp_path, fresh=True)
    assert embedded(parts) == ["dunes"]


def test_rankings_under_other_settings_are_not_used(parts: Parts, tmp_path: Path) -> None:
    assert len(rank_all(parts, ["dense"], ["dunes"], tmp_path)["dense"]["dunes"]) == 3
    shallow = replace(parts, settings=replace(parts.settings, pool=1))
    assert len(rank_all(shallow, ["dense"], ["dunes"], tmp_path)["dense"]["dunes"]) == 1


def test_damaged_file_of_rankings_is_replaced(parts: Parts, tmp_path: Path) -> None:
    kept = tmp_path / parts.library.manifest.generation / "lexical.json"
    rank_all(parts, ["lexical"], ["dunes"], tmp_path)
    kept.write_text("{")
    assert rank_all(parts, ["lexical"], ["dunes"], tmp_path)["lexical"]["dunes"] == [ROBOT_PAPER.paper_id]
    assert json.loads(kept.read_text())["rankings"] == {"dunes": [ROBOT_PAPER.paper_id]}


def test_new_part_is_one_signal_and_one_step(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backwards = SignalSource(lambda parts: lambda question: [paper.paper_id for paper in reversed(PAPERS)], ())
    step = Step("backwards", "a bad idea", ("backwards",), lambda rankings: list(rankings["backwards"]), "full")
    monkeypatch.setattr(signals, "SIGNALS", {**signals.SIGNALS, "backwards": backwards})
    monkeypatch.setattr(steps, "STEPS", (*STEPS, step))
    scores = by_name(run_ablation(parts, QUESTIONS, tmp_path))
    assert scores["backwards"].measures["success@1"].mean == 0.0
    assert scores["backwards"].gains["success@1"].mean == -1.0


def test_questions_without_an_answer_or_with_a_history_are_left_out() -> None:
    unanswerable = Question("u", "unanswerable", "What is on the moon?")
    may_be = Question("m", "fact", "Anything?", {CACHE_PAPER.paper_id: 1})
    follow_up = replace(QUESTIONS[0], id="f", history=(Turn("before", "answer"),))
    assert measurable((*QUESTIONS, unanswerable, may_be, follow_up)) == QUESTIONS


def test_json_and_table_name_what_each_step_adds_to(parts: Parts, tmp_path: Path) -> None:
    scores = run_ablation(parts, QUESTIONS, tmp_path)
    result = ablation_to_json(scores, "g1", 2, 8)
    assert (result["generation"], result["questions"], result["left_out"]) == ("g1", 2, 8)
    assert result["steps"][0]["gain"] is None
    assert result["steps"][2]["adds_to"] == "dense_whole"
    assert result["steps"][2]["gain"]["ndcg@10"]["n"] == 2
    table = ablation_to_text(scores, 2, 8).split("\n")
    assert table[0].startswith("n = 2 questions (8 without an answer or with a history left out)")
    assert table[-2].startswith("full") and table[-2].endswith("+0.000 [+0.000, +0.000]         fast")


def test_ablate_command_reads_gold_by_title(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = BuildPlan(Corpus.of(PAPERS), index_recipe(Settings()), (), 2025, datetime(2026, 1, 2, tzinfo=UTC))
    update_index(IndexFolder(tmp_path / "home"), request, lambda: load_index_models(Settings()))
    gold = tmp_path / "gold.jsonl"
    relevant = [{"title": ROBOT_PAPER.title, "grade": 2}]
    gold.write_text(
        json.dumps(
            {
                "id": "a",
                "type": "fact",
                "question": "Which robots walk on sand?",
                "relevant": relevant,
            }
        )
        + "\n"
    )
    assert main(["eval", "ablate", "--gold", str(gold), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["steps"][-1]["measures"]["mrr"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    gold.write_text(json.dumps({"id": "a", "type": "unanswerable", "question": "moon?", "relevant": []}) + "\n")
    assert main(["eval", "ablate", "--gold", str(gold)]) == 2
    assert "No gold question has a paper that must be found." in capsys.readouterr().err
