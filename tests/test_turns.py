from __future__ import annotations

import json

import pytest

from rag.query.turns import read_turns, turns_from_json
from rag.types import Turn


def test_turns_are_read_from_json_lines_with_citations_as_ids_or_objects() -> None:
    lines = [
        {"question": "Who prunes?", "answer": "Pebble. [1]", "citations": [{"n": 1, "paper_id": "a", "title": "A"}]},
        {"question": "And in 2024?", "answer": "Reef. [1]", "citations": ["b"]},
        {"question": "Why?"},
    ]
    expected = [
        (1, Turn("Who prunes?", "Pebble. [1]", ("a",))),
        (2, Turn("And in 2024?", "Reef. [1]", ("b",))),
        (3, Turn("Why?")),
    ]
    assert list(read_turns("\n".join(map(json.dumps, lines)))) == expected
    assert list(read_turns(json.dumps(lines, indent=2))) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[1]", '"question" is missing'),
        ("3", "not a JSON object"),
        ('{"answer": "a"}', '"question" is missing'),
        ('{"question": "q", "answer": 3}', '"answer" is not a string'),
        ('{"question": "q", "citations": "a"}', '"citations" is not a list'),
        ('{"question": "q", "citations": [{"title": "A"}]}', "a citation has no paper_id"),
    ],
)
def test_what_is_no_turn_is_told_with_its_line(line: str, reason: str) -> None:
    ((number, error),) = read_turns(line)
    assert number == 1
    assert isinstance(error, ValueError)
    assert reason in str(error)


def test_list_of_turns_says_which_one_is_wrong() -> None:
    assert turns_from_json([{"question": "q"}]) == (Turn("q"),)
    with pytest.raises(ValueError, match="is not a list"):
        turns_from_json({"question": "q"})
    with pytest.raises(ValueError, match="turn 2 of"):
        turns_from_json([{"question": "q"}, "r"])
