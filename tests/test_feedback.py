from __future__ import annotations

import json
import multiprocessing
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rag.errors import CitedeskError, UsageError
from ui.api.models import FeedbackRequest, parse
from ui.feedback import append_feedback

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


def keep(home: Path, sent: object, user: str | None = None) -> None:
    append_feedback(home, parse(FeedbackRequest, sent), user, NOW)


def lines(home: Path) -> list[Any]:
    return [json.loads(line) for line in (home / "feedback.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_thumb_is_kept_with_its_receipt(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keep(home, SENT, "ada")
    keep(home, {"verdict": "up", "receipt": {"question": "why\nso"}}, None)
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
    kept = parse(
        FeedbackRequest,
        {
            "verdict": "up",
            "user": "mallory",
            "time": "never",
            "api_key": "sk-secret",
            "receipt": {"question": "q", "answer": "long text", "api_key": "sk-secret", "history": ["x"], "turn": "y"},
        },
    ).to_json()
    assert kept == {"verdict": "up", "reason": "", "receipt": {"question": "q"}}


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (None, "Input should be a JSON object."),
        ([], "Input should be a JSON object."),
        ({**SENT, "verdict": "sideways"}, "verdict: Input should be 'up' or 'down'."),
        ({**SENT, "verdict": ["up"]}, "verdict: Input should be 'up' or 'down'."),
        ({**SENT, "reason": "x" * 1001}, "reason: 1001 characters are too long; at most 1000 are read."),
        ({**SENT, "reason": 7}, "reason: Input should be a valid string."),
        ({"verdict": "up"}, "receipt: This field is required."),
        ({"verdict": "up", "receipt": []}, "receipt: Input should be a JSON object."),
        ({"verdict": "up", "receipt": {}}, "receipt.question: This field is required."),
        ({"verdict": "up", "receipt": {"question": " "}}, "The question is empty."),
        ({"verdict": "up", "receipt": {"question": "x" * 4001}}, "The question has 4,001 characters"),
        ({"verdict": "up", "receipt": {**RECEIPT, "kind": "poem"}}, "receipt.kind: Input should be 'list', 'fact'"),
        ({"verdict": "up", "receipt": {**RECEIPT, "status": []}}, "receipt.status: Input should be 'answered'"),
        ({"verdict": "up", "receipt": {**RECEIPT, "generation": 5}}, "receipt.generation: Input should be a valid"),
        ({"verdict": "up", "receipt": {**RECEIPT, "model": "x" * 301}}, "receipt.model: 301 characters are too long"),
        ({"verdict": "up", "receipt": {**RECEIPT, "filters": []}}, "receipt.filters: Input should be a JSON object."),
        ({"verdict": "up", "receipt": {**RECEIPT, "filters": {"venue": {}}}}, "receipt.filters.venue: Input should"),
        ({"verdict": "up", "receipt": {**RECEIPT, "overrides": {"kind": 1}}}, "receipt.overrides.kind: Input should"),
        (
            {"verdict": "up", "receipt": {**RECEIPT, "citations": "x"}},
            "receipt.citations: Input should be a",
        ),
        ({"verdict": "up", "receipt": {**RECEIPT, "citations": [{}]}}, "receipt.citations.0"),
        ({"verdict": "up", "receipt": {**RECEIPT, "citations": ["é" * 299] * 200}}, "The feedback is longer than 64"),
    ],
)
def test_what_cannot_be_kept_is_named_in_a_line(tmp_path: Path, sent: object, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        keep(tmp_path, sent)
    assert str(raised.value).startswith(said)
    assert not (tmp_path / "feedback.jsonl").exists()


def test_only_the_first_citations_are_kept() -> None:
    kept = parse(
        FeedbackRequest, {"verdict": "up", "receipt": {**RECEIPT, "citations": [str(n) for n in range(600)]}}
    ).to_json()
    assert kept["receipt"]["citations"] == [str(n) for n in range(500)]


def test_half_a_character_is_kept_as_a_question_mark(tmp_path: Path) -> None:
    keep(tmp_path, {"verdict": "up", "reason": "\ud800", "receipt": {"question": "q"}})
    assert lines(tmp_path)[0]["reason"] == "?"


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    (tmp_path / "feedback.jsonl").write_text('{"verdict": "u')
    keep(tmp_path, SENT)
    kept = (tmp_path / "feedback.jsonl").read_text().splitlines()
    assert kept[0] == '{"verdict": "u'
    assert json.loads(kept[1])["verdict"] == "down"


def test_a_file_that_is_full_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    with file.open("wb") as handle:
        handle.truncate(64 * 1024**2)
    with pytest.raises(CitedeskError, match=r"feedback\.jsonl is full: 64 MB\. Whoever runs"):
        keep(tmp_path, SENT)
    assert file.stat().st_size == 64 * 1024**2


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "feedback.jsonl").mkdir()
    with pytest.raises(CitedeskError, match=r"The feedback cannot be kept in feedback\.jsonl: "):
        keep(tmp_path, SENT)


def append_many(home: Path, user: str) -> None:
    for _ in range(25):
        keep(home, SENT, user)


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
