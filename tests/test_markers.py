from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.writing.markers import MarkerFilter

PIECES = st.lists(
    st.sampled_from(["[", "]", "1", "2", "9", "12", ", ", "–", "-", " ", "【", "】", "a", ".", "[1]", "[3, 4]"])
)


def run(pieces: list[str], numbers: Sequence[int] = (1, 2, 3)) -> tuple[str, list[int], int]:
    markers = MarkerFilter(numbers)
    shown = "".join(markers.feed(piece) for piece in pieces) + markers.flush()
    return shown, markers.cited, markers.unknown


@pytest.mark.parametrize(
    ("written", "shown", "cited", "unknown"),
    [
        ("True [1].", "True [1].", [1], 0),
        ("True [1, 3].", "True [1][3].", [1, 3], 0),
        ("True [1–3].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [3-1].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [2][1].", "True [2][1].", [2, 1], 0),
        ("True 【2】 and ［1］.", "True [2] and [1].", [2, 1], 0),
        ("True [12].", "True.", [], 1),
        ("True [1, 9].", "True [1].", [1], 1),
        ("True [2–5].", "True [2][3].", [2, 3], 2),
        ("True [0].", "True.", [], 1),
        ("True [99999999999].", "True.", [], 1),
        ("True [1-99999999].", "True.", [], 1),
        ("Plain [a] and x[i].", "Plain [a] and x[i].", [], 0),
        ("Open [1", "Open", [], 0),
    ],
)
def test_markers_are_checked_and_made_uniform(written: str, shown: str, cited: list[int], unknown: int) -> None:
    assert run([written]) == (shown, cited, unknown)


@given(st.lists(st.sampled_from(["Yes [1, 3]. ", "No [7]", " [2–3]", "【1】", "text ", "[", "]", "\n"])), st.data())
def test_cuts_between_pieces_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert run(pieces) == run([text])


@given(PIECES)
def test_no_number_that_names_no_evidence_is_shown(pieces: list[str]) -> None:
    shown, cited, _ = run(pieces)
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", shown)]
    assert set(numbers) <= {1, 2, 3}
    assert set(numbers) <= set(cited)


def test_endless_marker_is_not_held_back_for_ever() -> None:
    markers = MarkerFilter([1, 2, 3])
    assert len("".join(markers.feed("[1" + ", 1" * 10) for _ in range(100))) > 2000


def test_only_numbers_that_were_sent_are_known() -> None:
    assert run(["One [1], two [2], all [1-3]."], [2, 3]) == ("One, two [2], all [2][3].", [2, 3], 2)
