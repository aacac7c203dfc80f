from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.runs.provenance import _tuned_weights
from eval.stats import bootstrap_interval
from eval.tuning import tune
from eval.tuning.search import Trial
from eval.tuning.trials import SHIPPED, WEIGHTS, Outcome
from eval.tuning.tune import Found, Report, fixed_settings, make_space, report_to_json, report_to_text, untuned
from rag.cli.main import main
from rag.errors import UsageError
from rag.retrieval.scoring import load_ranker, load_tuned_ranker
from rag.settings import Settings, load_settings
from tests.eval_fakes import answer, row
from tests.fakes import EASY_RANKER, PAPERS
from tests.indexes import index_corpus, write_corpus

RIGHT = answer("extractive", "x", (PAPERS[0].paper_id, []))
WRONG = answer("extractive", "x", (PAPERS[1].paper_id, []))
SPACE = {"chunk_tokens": (384, 96), "rerank_depth": (7, 15), WEIGHTS: (SHIPPED, 10.0)}
CANDIDATE = {"chunk_tokens": 384, "rerank_depth": 15, WEIGHTS: 10.0}


def outcome(*right: bool) -> Outcome:
    return Outcome(tuple(row(str(n), (), answer=RIGHT if each else WRONG) for n, each in enumerate(right)), EASY_RANKER)


def report(before: Outcome, after: Outcome) -> Report:
    gains = [new - old for new, old in zip(after.scores, before.scores, strict=True)]
    intervals = map(bootstrap_interval, ((0.5,), after.scores, gains))
    return Report([Found("greedy", 9, Trial(CANDIDATE, (0.5,)), after, *intervals)], before, SPACE, 4, len(gains))


BETTER = report(outcome(False, False, False, True), outcome(True, True, False, True))
UNSURE = report(outcome(True, False, False, True), outcome(False, True, True, True))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    home, gold = tmp_path / "home", tmp_path / "gold.jsonl"
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), home)
    gold.write_text("")
    tune._keep(home, BETTER, [gold])
    return home


def test_winner_is_better_only_if_it_gains_more_than_a_standard_error() -> None:
    assert BETTER.is_better
    assert not UNSURE.is_better
    assert not report(outcome(True, False), outcome(True, False)).is_better
    assert "no more than one standard error" in report_to_text(UNSURE, kept=False)


def test_report_has_both_what_was_in_force_and_what_was_found() -> None:
    text = report_to_text(BETTER, kept=True)
    assert "rerank_depth 15, weights 10.0" in text
    assert "Kept: rerank_depth 15, weights 10.0. `citedesk tune --undo` removes it." in text
    assert report_to_json(BETTER, kept=True)["found"][0]["gain"]["mean"] == 0.5


def test_tuned_settings_and_weights_are_in_force_until_undone(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configuration = load_settings({"home": kept}, {})
    assert (configuration.settings.rerank_depth, configuration.sources["rerank_depth"]) == (15, "tuned")
    assert untuned(configuration).rerank_depth == 7
    assert load_settings({"home": kept}, {"CITEDESK_RERANK_DEPTH": "3"}).settings.rerank_depth == 3
    assert load_tuned_ranker("full", settings_of(kept)) == EASY_RANKER
    assert load_tuned_ranker("fast", settings_of(kept)) == load_ranker("fast")
    assert _tuned_weights(configuration.settings)["weights"].startswith("tuned 20")
    assert main(["doctor"]) == 0
    assert "CITEDESK_RERANK_DEPTH=15, weights of the full ranking; gain +0.500" in " ".join(
        capsys.readouterr().out.split()
    )
    assert main(["tune", "--undo"]) == 0
    assert load_settings({"home": kept}, {}).settings.rerank_depth == 7
    assert load_tuned_ranker("full", settings_of(kept)) == load_ranker("full")
    assert main(["tune", "--undo"]) == 0
    assert "nothing to undo" in capsys.readouterr().err


def settings_of(home: Path) -> Settings:
    return load_settings({"home": home}, {}).settings


@pytest.mark.parametrize("changed", [{"models_sha256": {}}, {"fitted_with": {"chunk_tokens": 77}}])
def test_weights_that_were_fitted_to_something_else_are_not_used(
    kept: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, object]
) -> None:
    path = kept / "tuning.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    assert load_tuned_ranker("full", settings_of(kept)) == load_ranker("full")
    assert main(["doctor"]) == 0
    assert "fitted to other models or settings and are not used" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("settings", ["[]", "{}", '{"pol": 1}', '{"pool": "x"}', '{"pool": 0}'])
def test_damaged_settings_are_named_with_their_remedy(tmp_path: Path, settings: str) -> None:
    test_damaged_file_is_named_with_its_remedy(tmp_path, f'{{"settings": {settings}}}')


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_damaged_file_is_named_with_its_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "tuning.json").write_text(text)
    with pytest.raises(UsageError, match=r"tuning\.json is damaged .* Remove it"):
        load_settings({"home": tmp_path}, {})


def test_space_begins_with_what_is_in_force_and_models_come_first() -> None:
    space = make_space(Settings(chunk_tokens=96, pool=80, chunk_overlap=95), ["other"])
    assert list(space) == ["embed_model", "chunk_tokens", "pool", "rerank_depth", WEIGHTS]
    assert space["embed_model"] == ("citedesk-encoder", "other")
    assert space["chunk_tokens"] == (96, 192)
    assert space["pool"][0] == 80


def test_setting_that_the_user_has_set_is_not_tried(tmp_path: Path) -> None:
    configuration = load_settings({"home": tmp_path}, {"CITEDESK_RERANK_DEPTH": "5"}, tmp_path)
    space = make_space(configuration.settings, (), fixed_settings(configuration))
    assert (space["rerank_depth"], space["pool"]) == ((5,), (100, 50, 200))


def test_too_few_questions_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"id": "q", "type": "unanswerable", "question": "Who bakes?", "relevant": []}))
    assert main(["tune", "--gold", str(gold)]) == 2
    assert "1 questions are too few: write at least 20" in capsys.readouterr().err
    assert main(["tune", "--gold", str(gold), "--budget", "0"]) == 2
    assert "not a number of minutes: '0'" in capsys.readouterr().err
