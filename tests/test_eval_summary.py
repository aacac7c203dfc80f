from __future__ import annotations

import pytest

from eval.runs.rows import Row
from eval.runs.summary import summarize, summary_to_json
from eval.stats import bootstrap_interval
from tests.eval_fakes import answer, question, row, run_of

RIGHT, WRONG = ("2401.00001",), ("x", "2401.00001")


def test_means_are_over_all_and_per_type() -> None:
    rows = (row("A", RIGHT, total_ms=10.0), row("B", WRONG, total_ms=30.0))
    other = Row(question("C", type="set"), RIGHT, total_ms=20.0)
    found = summarize(run_of(*rows, other))
    assert [(group.name, group.n) for group in found.groups] == [("overall", 3), ("fact", 2), ("set", 1)]
    assert found.overall["mrr"] == bootstrap_interval([1.0, 0.5, 1.0])
    assert found.groups[1].measures["mrr"].mean == 0.75
    assert found.latency_ms == {"p50": 20.0, "p95": pytest.approx(29.0)}
    assert not found.partial
    assert found.notes == ()


def test_failed_and_missing_questions_are_counted_and_not_averaged() -> None:
    rows = (row("A", RIGHT, total_ms=10.0), row("B", WRONG, total_ms=900.0, error="The endpoint broke off."))
    found = summarize(run_of(*rows, questions=5))
    assert (found.answered, found.errors, found.missing, found.partial) == (1, 1, 3, True)
    assert (found.overall["mrr"].mean, found.overall["mrr"].n) == (1.0, 1)
    assert found.latency_ms["p95"] == 10.0
    assert found.notes == (
        "PARTIAL: 1 of 5 questions were answered, 1 failed and 3 were not asked. Every mean is over the 1 alone.",
    )


def test_unanswerable_questions_alone_leave_ranking_unmeasured_and_say_so() -> None:
    refused = Row(question("U", {}), RIGHT, answer("refused"), total_ms=5.0)
    found = summarize(run_of(refused))
    assert set(found.overall) == {"rightly_refused", "total_ms"}
    assert "No question here is answerable" in found.notes[0]


def test_run_in_which_nothing_was_answered_has_no_means() -> None:
    found = summarize(run_of(row("A", (), error="no")))
    assert (found.overall, found.latency_ms) == ({}, {})


def test_false_quotes_are_pointed_out() -> None:
    said = answer("answered", "Yes [1].", ("2401.00001", [{"text": "No", "start": 0, "end": 2}]))
    found = summarize(run_of(Row(question("A"), RIGHT, said, verbatim=0)))
    assert found.notes[0] == "1 quotes are not verbatim at their offsets. There must be none."


def test_json_has_every_interval_and_every_question() -> None:
    rows = (row("A", RIGHT), row("B", (), error="no"))
    found = summary_to_json(summarize(run_of(*rows)), rows)
    assert found["partial"] is True
    assert found["measures"]["overall"]["mrr"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    assert found["questions"][0]["scores"]["success@1"] == 1.0
    assert found["questions"][1] == {"id": "B", "type": "fact", "error": "no", "scores": {}}
