from __future__ import annotations

import json
import multiprocessing
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rag.errors import CitedeskError, UsageError
from ui.feedback import append_feedback, read_feedback

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RECEIPT = {
    "question": "which papers cut KV-cache memory",
    "overrides": {"filters": {"since": "2023"}},
    "kind": "list",
    "filters": {"since": 2023, "author_count": {"least": 2}, "code": True},
    "generation": "20260102-1",
    "model": None,
    "status": "extractive",
    "citations": ["2401.00001", {"n": 2, "paper_id": "2406.00004", "title": "Reef"}],
}
SENT = {"verdict": "down", "reason": " the second one is off ", "receipt": RECEIPT}


def lines(home: Path) -> list[Any]:
    return [json.loads(line) for line in (home / "feedback.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_thumb_is_kept_with_its_receipt(tmp_path: Path) -> None:
    home = tmp_path / "home"
    append_feedback(home, SENT, "ada", NOW)
    append_feedback(home, {"verdict": "up", "receipt": {"question": "why\nso"}}, None, NOW)
    assert lines(home) == [
        {
            "time": "2026-01-02T03:04:05+00:00",
            "user": "ada",
            "verdict": "down",
            "reason": "the second one is off",
            "receipt": {
                "question": "which papers cut KV-cache memory",
                "overrides": {"filters": {"since": "2023"}},
                "kind": "list",
                "filters": {"since": 2023, "author_count": {"least": 2}, "code": True},
                "generation": "20260102-1",
                "status": "extractive",
                "citations": ["2401.00001", "2406.00004"],
            },
        },
        {
            "time": "2026-01-02T03:04:05+00:00",
            "user": None,
            "verdict": "up",
            "reason": "",
            "receipt": {"question": "why\nso"},
        },
    ]
    assert stat.S_IMODE((home / "feedback.jsonl").stat().st_mode) == 0o600


def test_what_belongs_to_no_receipt_is_dropped() -> None:
    kept = read_feedback(
        {
            "verdict": "up",
            "user": "mallory",
            "time": "never",
            "api_key": "sk-secret",
            "receipt": {"question": "q", "answer": "long text", "api_key": "sk-secret", "history": ["x"], "turn": "y"},
        }
    )
    assert kept == {"verdict": "up", "reason": "", "receipt": {"question": "q"}}


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (None, "The feedback is no JSON object."),
        ([], "The feedback is no JSON object."),
        ({**SENT, "verdict": "sideways"}, 'The verdict is "up" or "down".'),
        ({**SENT, "verdict": ["up"]}, 'The verdict is "up" or "down".'),
        ({**SENT, "reason": "x" * 1001}, "The reason has 1001 characters; at most 1000 are kept. Shorten it."),
        ({**SENT, "reason": 7}, "The reason is no text."),
        ({"verdict": "up"}, "The receipt is no JSON object."),
        ({"verdict": "up", "receipt": {}}, "The receipt has no question."),
        ({"verdict": "up", "receipt": {"question": " "}}, "The receipt has no question."),
        ({"verdict": "up", "receipt": {"question": "x" * 4001}}, "The question has 4001 characters"),
        ({"verdict": "up", "receipt": {**RECEIPT, "kind": "poem"}}, "The kind is none of list, fact"),
        ({"verdict": "up", "receipt": {**RECEIPT, "status": []}}, "The status is none of answered"),
        ({"verdict": "up", "receipt": {**RECEIPT, "generation": 5}}, "The generation is no text."),
        ({"verdict": "up", "receipt": {**RECEIPT, "filters": []}}, "The filters is no JSON object."),
        ({"verdict": "up", "receipt": {**RECEIPT, "filters": {"venue": {}}}}, "The filter venue is not as"),
        ({"verdict": "up", "receipt": {**RECEIPT, "overrides": {"kind": 1}}}, "There is no kind 1"),
        ({"verdict": "up", "receipt": {**RECEIPT, "citations": "x"}}, "The citations are no list"),
        ({"verdict": "up", "receipt": {**RECEIPT, "citations": [{}]}}, "The paper_id of a citation is no text."),
        ({"verdict": "up", "receipt": {**RECEIPT, "citations": "x"}}, "The citations are no list of papers."),
        ({"verdict": "up", "receipt": {**RECEIPT, "citations": ["é" * 299] * 200}}, "The feedback is longer than 64"),
    ],
)
def test_what_cannot_be_kept_is_named_in_a_line(tmp_path: Path, sent: object, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        append_feedback(tmp_path, sent, None, NOW)
    assert str(raised.value).startswith(said)
    assert not (tmp_path / "feedback.jsonl").exists()


def test_only_the_first_citations_are_kept() -> None:
    kept = read_feedback({"verdict": "up", "receipt": {**RECEIPT, "citations": [str(n) for n in range(600)]}})
    assert kept["receipt"]["citations"] == [str(n) for n in range(500)]


def test_a_character_that_is_none_is_kept_as_its_escape(tmp_path: Path) -> None:
    append_feedback(tmp_path, {"verdict": "up", "reason": "\ud800", "receipt": {"question": "q"}}, None, NOW)
    assert lines(tmp_path)[0]["reason"] == "\ud800"


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    (tmp_path / "feedback.jsonl").write_text('{"verdict": "u')
    append_feedback(tmp_path, SENT, None, NOW)
    kept = (tmp_path / "feedback.jsonl").read_text().splitlines()
    assert kept[0] == '{"verdict": "u'
    assert json.loads(kept[1])["verdict"] == "down"


def test_a_file_that_is_full_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    with file.open("wb") as handle:
        handle.truncate(64 * 1024**2)
    with pytest.raises(CitedeskError, match=r"feedback\.jsonl is full: 64 MB\. Whoever runs"):
        append_feedback(tmp_path, SENT, None, NOW)
    assert file.stat().st_size == 64 * 1024**2


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "feedback.jsonl").mkdir()
    with pytest.raises(CitedeskError, match=r"The feedback cannot be kept in feedback\.jsonl: "):
        append_feedback(tmp_path, SENT, None, NOW)


def append_many(home: Path, user: str) -> None:
    for _ in range(25):
        append_feedback(home, SENT, user, NOW)


def test_several_processes_write_whole_lines(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=append_many, args=(tmp_path, str(number))) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    kept = lines(tmp_path)
    assert len(kept) == 75
    assert {line["user"] for line in kept} == {"0", "1", "2"}
