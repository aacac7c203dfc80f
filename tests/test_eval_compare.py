from __future__ import annotations

import pytest

from eval.gold.questions import Question
from eval.runs.comparison import Gate, compare_runs, comparison_to_json, comparison_to_text
from eval.runs.rows import Row
from rag.errors import UsageError
from tests.eval_fakes import question, row, run_of

FIRST, SECOND, NOWHERE = ("2401.00001",), ("x", "2401.00001"), ("x",)
BEFORE = run_of(row("A", FIRST, total_ms=10.0), row("B", SECOND, total_ms=10.0), row("C", FIRST, total_ms=10.0))
AFTER = run_of(row("A", SECOND, total_ms=10.0), row("B", FIRST, total_ms=40.0), row("C", NOWHERE, total_ms=10.0))


def test_differences_are_paired_by_question() -> None:
    found = {each.measure: each for each in compare_runs(BEFORE, AFTER).differences}
    mrr = found["mrr"]
    assert mrr.before == pytest.approx(2.5 / 3)
    assert mrr.after == pytest.approx(0.5)
    assert mrr.change.mean == pytest.approx(-1 / 3)
    assert mrr.change.n == 3
    assert [each.id for each in mrr.better] == ["B"]
    assert [each.id for each in mrr.worse] == ["C", "A"]
    assert 0 < mrr.p <= 1


def test_slower_is_worse() -> None:
    found = {each.measure: each for each in compare_runs(BEFORE, AFTER).differences}
    assert [each.id for each in found["total_ms"].worse] == ["B"]
    assert compare_runs(BEFORE, AFTER, [Gate("total_ms", 5.0)]).failures == (
        "total_ms went from 10.000 to 20.000, worse by more than 5",
    )


@pytest.mark.parametrize(("margin", "holds"), [(0.0, False), (0.33, False), (0.34, True)])
def test_gate_fails_where_a_measure_fell_by_more_than_its_margin(margin: float, holds: bool) -> None:
    assert bool(compare_runs(BEFORE, AFTER, [Gate("mrr", margin)]).failures) is not holds


def test_gate_holds_for_the_same_run_and_a_better_one() -> None:
    assert compare_runs(BEFORE, BEFORE, [Gate("mrr", 0.0)]).failures == ()
    assert compare_runs(AFTER, BEFORE, [Gate("mrr", 0.0)]).failures == ()


@pytest.mark.parametrize(
    "after",
    [
        run_of(*AFTER.rows[:2], questions=3),
        run_of(*BEFORE.rows[:2], row("C", FIRST, error="no")),
        run_of(*BEFORE.rows[:2], Row(question("C", answer_facts=("new",)), FIRST)),
    ],
    ids=["missing", "failed", "gold changed"],
)
def test_gate_fails_where_it_could_not_see_all(after: object) -> None:
    failures = compare_runs(BEFORE, after, [Gate("mrr", 1.0)]).failures  # type: ignore[arg-type]
    assert failures == ("only 2 of the 3 questions could be compared",)


def test_gate_on_what_was_not_measured_fails() -> None:
    assert compare_runs(BEFORE, AFTER, [Gate("cited_f1", 0.1)]).failures == ("cited_f1 was not measured in both runs",)


def test_gate_on_an_unknown_measure_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no measure 'speed'"):
        compare_runs(BEFORE, AFTER, [Gate("speed", 0.1)])


def test_what_was_left_out_is_said() -> None:
    new = Question("N", "fact", "New?", {"2401.00001": 2})
    found = compare_runs(BEFORE, run_of(*AFTER.rows[:1], Row(new, FIRST), row("B", (), error="no"), mode="llm"))
    assert found.notes == (
        "the run after is PARTIAL",
        "1 questions of the run before and 1 of the run after have no counterpart with the same gold: left out",
        "1 questions failed in one of the runs: left out",
        "the runs differ in mode extractive, now llm",
    )


def test_gate_does_not_hold_where_a_measure_went_missing() -> None:
    answer = {"status": "answered", "answer": "Yes [1].", "citations": []}
    cites = {**answer, "citations": [{"n": 1, "paper_id": "2401.00001", "title": "T", "date": None, "quotes": []}]}
    before = run_of(row("A", FIRST, answer=cites), row("B", FIRST, answer=cites))
    after = run_of(row("A", FIRST, answer=cites), row("B", FIRST, answer=answer))
    found = compare_runs(before, after, [Gate("citations_relevant", 0.5)])
    assert found.failures == ("citations_relevant is there for only 1 of the 2 questions that had it",)


def test_runs_without_a_common_question_cannot_be_compared() -> None:
    found = compare_runs(BEFORE, run_of(row("Z", FIRST)))
    assert found.failures == ("no question of the one run was answered in the other with the same gold",)


def test_text_lists_what_got_better_and_worse_by_the_named_measures() -> None:
    text = comparison_to_text(compare_runs(BEFORE, AFTER), ["mrr"])
    assert "mrr                    3     0.833     0.500    -0.333  [" in text
    assert "better by mrr: 1\n  B  0.500 → 1.000  What of B?\n" in text
    assert "worse by mrr: 2\n  C  1.000 → 0.000  What of C?\n  A  1.000 → 0.500  What of A?\n" in text


def test_json_says_whether_the_gates_hold() -> None:
    assert comparison_to_json(compare_runs(BEFORE, BEFORE))["holds"] is True
    assert comparison_to_json(compare_runs(BEFORE, AFTER, [Gate("mrr", 0.0)]))["holds"] is False
