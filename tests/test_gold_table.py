from __future__ import annotations

import json
from pathlib import Path

import pytest

from ui.gold_table import _Table, read_records, revise, to_rows

RECORDS = [
    {
        "id": "D1",
        "type": "fact",
        "question": "How much?",
        "relevant": [{"title": "Caches", "grade": 2}],
        "drafted": True,
    },
    {"id": "D2", "type": "unanswerable", "question": "Which?", "relevant": [], "drafted": True},
    {
        "id": "D3",
        "type": "set",
        "question": "Which ones?",
        "relevant": [{"paper_id": "b", "grade": 2}],
        "drafted": True,
    },
    {"id": "Q1", "type": "fact", "question": "Mine?", "relevant": [{"title": "Caches", "grade": 2}]},
]


def written(path: Path) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in RECORDS))
    return path


def test_drafts_are_shown_and_what_was_reviewed_is_not() -> None:
    assert to_rows(RECORDS) == [
        [False, False, "How much?", "fact", "Caches", "D1"],
        [False, False, "Which?", "unanswerable", "", "D2"],
        [False, False, "Which ones?", "set", "b", "D3"],
    ]


def test_question_that_is_kept_is_no_draft_any_more_and_one_that_is_dropped_is_gone() -> None:
    rows = to_rows(RECORDS)
    rows[0][0], rows[0][2] = True, " How much memory? "
    rows[1][1] = True
    revised = revise(RECORDS, [*rows, [False, True, "", "", "", "Q1"], [True, False, "x", "", "", "none"]])
    assert [(each["id"], each["question"], each.get("drafted")) for each in revised] == [
        ("D1", "How much memory?", None),
        ("D3", "Which ones?", True),
        ("Q1", "Mine?", None),
    ]


def test_table_saves_the_file_and_shows_what_is_left(tmp_path: Path) -> None:
    table = _Table(written(tmp_path / "questions.jsonl"))
    box, rows, said = table.fill()
    assert box["visible"] and len(rows) == 3 and said == ""
    rows[0][0] = rows[1][1] = True
    left, said = table.save(rows)
    assert [row[-1] for row in left] == ["D3"]
    assert "Saved: 2 questions kept, 1 draft left to read." in said
    assert [each["id"] for each in read_records(tmp_path / "questions.jsonl")] == ["D1", "D3", "Q1"]


def test_without_drafts_the_table_is_hidden_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    assert _Table(tmp_path / "none.jsonl").fill()[0]["visible"] is False
    (tmp_path / "torn.jsonl").write_text("{}\n{\n")
    box, rows, said = _Table(tmp_path / "torn.jsonl").fill()
    assert box["visible"] and rows == [] and "torn.jsonl cannot be used (line 2: " in said


@pytest.mark.parametrize("line", ['{"id": "D1", "drafted": true}', json.dumps({**RECORDS[0], "relevant": [1]})])
def test_draft_whose_fields_cannot_be_shown_is_reported(tmp_path: Path, line: str) -> None:
    (tmp_path / "a&b.jsonl").write_text(f"{line}\n")
    table = _Table(tmp_path / "a&b.jsonl")
    assert "a&amp;b.jsonl cannot be used" in table.fill()[2]
    assert "cannot be used" in table.save([])[1]
    assert (tmp_path / "a&b.jsonl").read_text() == f"{line}\n"
