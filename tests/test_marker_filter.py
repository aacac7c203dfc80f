from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.types import Evidence, Paper
from rag.verification.marker_filter import MarkerFilter

PIECES = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "1",
            "2",
            "9",
            "12",
            ", ",
            ";",
            "–",
            "—",
            "-",
            " ",
            "\t",
            "\n",
            "【",
            "】",
            "［",
            "］",
            "a",
            ".",
            "[1]",
        ]
    )
    | st.sampled_from(["[3, 4]", "[0]", "[2–1]", "٣", "[1](", "[[1]]"])
)


def paper(n: int) -> Evidence:
    return Evidence(n, Paper(f"2412.1031{n}", f"Pebble {'I' * n}: Small Caches", ""), ())


def run(pieces: Sequence[str], numbers: Sequence[int] = (1, 2, 3)) -> tuple[str, list[int], int]:
    markers = MarkerFilter(map(paper, numbers))
    shown = "".join(markers.feed(piece) for piece in pieces) + markers.flush()
    return shown, markers.cited, markers.unknown


@pytest.mark.parametrize(
    ("written", "shown", "cited", "unknown"),
    [
        ("True [1].", "True [1].", [1], 0),
        ("True [1, 3].", "True [1][2].", [1, 3], 0),
        ("True [1; 3].", "True [1][2].", [1, 3], 0),
        ("True [ 1 ,3 ].", "True [1][2].", [1, 3], 0),
        ("True [1–3].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [1—3].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [3-1].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [1, 2–3].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [1][2].", "True [1][2].", [1, 2], 0),
        ("True [2][1].", "True [1][2].", [2, 1], 0),
        ("True [1, 1].", "True [1].", [1], 0),
        ("True 【2】 and ［1］.", "True [1] and [2].", [2, 1], 0),
        ("True【3】。", "True[1]。", [3], 0),
        ("True [3]. False [1]. True [3][2].", "True [1]. False [2]. True [1][3].", [3, 1, 2], 0),
        ("True [12].", "True.", [], 1),
        ("True [1, 9].", "True [1].", [1], 1),
        ("True [2–5].", "True [1][2].", [2, 3], 2),
        ("True [0].", "True.", [], 1),
        ("True [99999999999].", "True.", [], 1),
        ("True [1-99999999].", "True.", [], 1),
        ("Plain [a] and x[i].", "Plain [a] and x[i].", [], 0),
        ("Empty [] and [ ].", "Empty [] and [ ].", [], 0),
        ("Open [1", "Open", [], 0),
        ("Open [1, ", "Open", [], 0),
        ("Open [", "Open [", [], 0),
        ("", "", [], 0),
    ],
)
def test_markers_are_checked_and_made_uniform(written: str, shown: str, cited: list[int], unknown: int) -> None:
    assert run([written]) == (shown, cited, unknown)
    assert run(list(written)) == (shown, cited, unknown)


def test_twelve_is_no_one_and_two_where_there_are_nine() -> None:
    assert run(["True [12]. So [9]."], range(1, 10)) == ("True. So [1].", [9], 1)
    assert run(["True [1", "2]. So [9]."], range(1, 13)) == ("True [1]. So [2].", [12, 9], 0)


@given(st.lists(st.sampled_from(["Yes [1, 3]. ", "No [7]", " [2–3]", "【1】", "text ", "[", "]", "\n"])), st.data())
def test_cuts_between_pieces_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    assert run(pieces) == run([text])


@given(PIECES)
def test_shown_numbers_rise_from_one_in_order_of_first_appearance(pieces: list[str]) -> None:
    shown, cited, _ = run(pieces)
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", shown)]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(cited) + 1))
    assert set(cited) <= {1, 2, 3}
    assert len(set(cited)) == len(cited)


@given(PIECES)
def test_each_character_alone_gives_the_same(pieces: list[str]) -> None:
    assert run(list("".join(pieces))) == run(["".join(pieces)])


def test_endless_marker_is_not_held_back_for_ever() -> None:
    markers = MarkerFilter(map(paper, [1, 2, 3]))
    assert len("".join(markers.feed("[1" + ", 1" * 10) for _ in range(100))) > 2000


@given(PIECES)
def test_no_more_than_two_hundred_characters_are_held_back(pieces: list[str]) -> None:
    markers = MarkerFilter([])
    fed = shown = 0
    for piece in pieces:
        plain = re.sub(r"[\d٣]", "x", piece)
        fed += len(plain)
        shown += len(markers.feed(plain))
        assert fed - shown <= 200


def test_text_without_a_bracket_is_shown_at_once() -> None:
    markers = MarkerFilter([paper(1)])
    assert [markers.feed(piece) for piece in ("Pebble ", "prunes", " it", ".")] == ["Pebble", " prunes", " it", "."]


def test_only_numbers_that_were_sent_are_known() -> None:
    assert run(["One [1], two [2], all [1-3]."], [2, 3]) == ("One, two [1], all [1][2].", [2, 3], 2)


def test_number_that_is_admitted_later_is_known_from_then_on() -> None:
    markers = MarkerFilter([paper(1)])
    shown = markers.feed("One [2]. ")
    markers.admit(paper(2))
    assert shown + markers.feed("Two [2].") + markers.flush() == "One. Two [1]."
    assert (markers.cited, markers.unknown) == ([2], 1)


def test_number_of_thousands_of_digits_names_nothing() -> None:
    markers = MarkerFilter(map(paper, [1, 2, 3]))
    shown = markers.feed(f"It works [{'9' * 5000}] and [1, {'9' * 5000}].") + markers.flush()
    assert (shown, markers.unknown) == ("It works and [1].", 2)
