"""Fitting what a follow-up does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.training.follow_ups import NAMES, FollowUp, fit_to, read_material, read_written
from tests.fakes import HashEncoder


def test_each_action_has_follow_ups_to_learn_from_and_none_stands_twice() -> None:
    written = read_written()
    assert {each.action for each in written} == set(NAMES)
    assert len({each.question.casefold() for each in written}) == len(written)


def test_unknown_action_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "follow_ups.jsonl"
    path.write_text(json.dumps({"question": "q", "action": "dance"}) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="unknown action 'dance'"):
        read_written(path)


def test_types_and_marks_say_what_a_marked_question_does(tmp_path: Path) -> None:
    rows = [
        {"k": "list", "f": "new", "m": "papers on <t>fish</t>"},
        {"k": "fact", "f": "ask", "m": "how <t>big</t> is it"},
        {"k": "list", "f": "refine", "m": "<x>drop the surveys</x>"},
        {"k": "list", "f": "refine", "m": "and on <t>phones</t>"},
        {"k": "list", "f": "act", "m": "show more"},
    ]
    path = tmp_path / "understanding.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [(each.question, each.action) for each in read_material(path)] == [
        ("papers on fish", "new"),
        ("how big is it", "ask"),
        ("drop the surveys", "drop"),
        ("and on phones", "refine"),
    ]


def test_network_learns_what_it_is_fitted_to() -> None:
    pytest.importorskip("torch")
    follow_ups = [
        FollowUp(f"{word} {i}", name) for i in range(4) for word, name in (("sort", "sort"), ("undo", "undo"))
    ]
    chances = fit_to(HashEncoder(), follow_ups).probabilities(HashEncoder().encode_question("undo 2").vector)
    assert max(chances, key=chances.__getitem__) == "undo"
