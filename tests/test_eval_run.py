from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from eval.gold.questions import Question
from eval.runs.asking import RunStopped, ask_one, run_questions
from eval.runs.folder import RunDamaged, RunFolder, RunMode
from eval.runs.rows import row_from_json, row_to_json
from rag.errors import UsageError
from rag.types import Turn
from tests.eval_fakes import INFO, ScriptedAsker, question, row, run_of
from tests.fakes import PAPERS

A, B = question("A"), question("B")


def no_bar(questions: Iterable[Question], done: int, total: int) -> Iterable[Question]:
    return questions


def test_row_of_a_search_holds_ids_in_order_and_no_answer() -> None:
    found = ask_one(ScriptedAsker(), A, "retrieval")
    assert found.hits == tuple(paper.paper_id for paper in PAPERS)
    assert (found.answer, found.error, found.first_token_ms) == (None, None, None)
    assert found.total_ms is not None


def test_row_of_an_answer_counts_verbatim_quotes() -> None:
    found = ask_one(ScriptedAsker(), A, "extractive")
    assert found.cited == (PAPERS[0].paper_id,)
    assert (len(found.quotes), found.verbatim, found.first_token_ms) == (1, 1, None)


def test_written_answer_has_the_time_of_its_first_token() -> None:
    found = ask_one(ScriptedAsker(), A, "llm")
    assert found.error is None
    assert found.first_token_ms is not None
    assert found.first_token_ms <= (found.total_ms or 0)


def test_answer_that_fell_back_on_the_extractive_one_is_an_error() -> None:
    found = ask_one(ScriptedAsker(falls_back=frozenset({A.question})), A, "llm")
    assert found.error == "The endpoint broke off."
    assert found.answer is not None


def test_question_that_raises_becomes_a_row_with_the_error() -> None:
    found = ask_one(ScriptedAsker(fails=frozenset({A.question})), A, "extractive")
    assert (found.error, found.hits, found.answer) == ("The endpoint cannot be reached.", (), None)


@pytest.mark.parametrize("mode", ["extractive", "retrieval"])
def test_earlier_turns_are_passed_in(mode: RunMode) -> None:
    asker, turn = ScriptedAsker(), Turn("Who prunes?", "Pebble does.")
    found = ask_one(asker, replace(A, history=(turn,)), mode)
    assert asker.histories == [(turn,)]
    assert row_from_json(json.loads(json.dumps(row_to_json(found)))) == found


def test_row_survives_json() -> None:
    found = ask_one(ScriptedAsker(), A, "llm")
    assert row_from_json(json.loads(json.dumps(row_to_json(found)))) == found


def test_run_that_was_stopped_goes_on_with_what_is_left(tmp_path: Path) -> None:
    folder, asker = RunFolder(tmp_path / "run"), ScriptedAsker()
    run_questions(asker, [A], INFO, folder, no_bar)
    run_questions(asker, [A, B], INFO, folder, no_bar)
    assert asker.asked == [A.question, B.question]
    done = folder.read()
    assert [each.question.id for each in done.rows] == ["A", "B"]
    assert not done.partial


def test_failed_question_is_asked_again_and_a_changed_one_too(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    run_questions(ScriptedAsker(fails=frozenset({A.question})), [A, B], INFO, folder, no_bar)
    assert folder.read().partial
    again = ScriptedAsker()
    run_questions(again, [A, replace(B, answer_facts=("Pebble",))], INFO, folder, no_bar)
    assert again.asked == [A.question, B.question]
    assert not folder.read().partial


def test_half_a_row_at_the_end_is_asked_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    run_questions(ScriptedAsker(), [A, B], INFO, folder, no_bar)
    rows = tmp_path / "run" / "rows.jsonl"
    rows.write_text(rows.read_text()[:-40])
    assert folder.read().partial
    again = ScriptedAsker()
    run_questions(again, [A, B], INFO, folder, no_bar)
    assert again.asked == [B.question]
    assert len(folder.read().rows) == 2


def test_row_that_was_cut_inside_a_character_is_asked_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    run_questions(ScriptedAsker(), [A, B], INFO, folder, no_bar)
    rows = tmp_path / "run" / "rows.jsonl"
    rows.write_bytes(rows.read_bytes()[:-40] + "×".encode()[:1])
    assert folder.read().partial
    assert len(folder.read().rows) == 1


def test_rows_of_two_writers_are_not_taken_for_one_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    run_questions(ScriptedAsker(), [A], INFO, folder, no_bar)
    rows = tmp_path / "run" / "rows.jsonl"
    rows.write_text(rows.read_text() * 2)
    with pytest.raises(RunDamaged, match="holds a question twice"):
        folder.read()


def test_folder_of_somebody_elses_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(UsageError, match=r"holds a report.html but no run that wrote it. Name another --out"):
        run_questions(ScriptedAsker(), [A], INFO, RunFolder(tmp_path), no_bar)
    assert (tmp_path / "report.html").read_text() == "mine"


def test_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.locked(), pytest.raises(UsageError, match="Another run is writing"), RunFolder(folder.path).locked():
        pass


def test_damage_in_the_middle_is_told_with_its_line(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    run_questions(ScriptedAsker(), [A, B], INFO, folder, no_bar)
    rows = tmp_path / "run" / "rows.jsonl"
    rows.write_text("{}\n" + rows.read_text())
    with pytest.raises(RunDamaged, match=r"rows.jsonl line 1 is not a row"):
        folder.read()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"generation": "g2"}, "index generation g1, now g2"),
        ({"mode": "llm"}, "mode extractive, now llm"),
        ({"settings": {"pool": 50}}, "pool 100, now 50"),
        ({"commit": "abc"}, "code 0.1.0 None, now 0.1.0 abc"),
    ],
)
def test_rows_of_another_run_are_not_mixed_with_new_ones(tmp_path: Path, change: dict[str, str], told: str) -> None:
    folder = RunFolder(tmp_path / "run")
    run_questions(ScriptedAsker(), [A], INFO, folder, no_bar)
    with pytest.raises(UsageError, match=told):
        run_questions(ScriptedAsker(), [A], replace(INFO, **change), folder, no_bar)


def test_rows_of_questions_that_are_not_asked_now_are_not_thrown_away(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    run_questions(ScriptedAsker(), [A, B], INFO, folder, no_bar)
    with pytest.raises(UsageError, match="1 of its questions are not asked now"):
        run_questions(ScriptedAsker(), [A], INFO, folder, no_bar)
    assert len(folder.read().rows) == 2


def test_run_gives_up_after_three_failures_in_a_row_and_keeps_its_rows(tmp_path: Path) -> None:
    questions = [A, *(question(name) for name in "CDEFG")]
    dead = ScriptedAsker(fails=frozenset(each.question for each in questions[1:]))
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(RunStopped, match=r"3 questions failed in a row, the last with: The endpoint cannot be reached"):
        run_questions(dead, questions, replace(INFO, questions=6), folder, no_bar)
    done = folder.read()
    assert [each.error is None for each in done.rows] == [True, False, False, False]
    assert done.partial


def test_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        RunFolder(tmp_path).read()


def test_partial_is_any_question_missing_or_failed() -> None:
    whole, failed = row("A", ()), row("B", (), error="no")
    assert not run_of(whole).partial
    assert run_of(whole, failed).partial
    assert run_of(whole, questions=2).partial
