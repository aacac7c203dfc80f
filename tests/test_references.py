"""The papers that a follow-up names by number or position."""

from __future__ import annotations

import pytest

from rag.query.references import numbers_named, papers_titled
from rag.types import Paper


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("the second", (2,)),
        ("the first two", (1, 2)),
        ("the top three only", (1, 2, 3)),
        ("the last two", (7, 8)),
        ("the last one", (8,)),
        ("the 3rd", (3,)),
        ("[1] and [3]", (1, 3)),
        ("#2", (2,)),
        ("expand on # 5", (5,)),
        ("the former", (1,)),
        ("paper 4", (4,)),
        ("number seven", (7,)),
        ("papers 1, 2 and 5", (1, 2, 5)),
        ("papers 2 to 4", (2, 3, 4)),
        ("no. 6", (6,)),
        ("what about the last one?", (8,)),
        ("the fifth, and the first", (5, 1)),
        ("the ninth", ()),
        ("the 20 papers of 2024", ()),
        ("who is the last author", ()),
        ("who is the first author of the third", (3,)),
        ("how fast is it on 8 GPUs", ()),
        ("", ()),
    ],
)
def test_papers_are_named_by_number_or_position(text: str, numbers: tuple[int, ...]) -> None:
    assert numbers_named(text, 8) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("compare 1 and 3", (1, 3)),
        ("put 2 next to 5", (2, 5)),
        ("1 vs 4", (1, 4)),
        ("keep two and five", (2, 5)),
        ("drop 3", (3,)),
        ("show 2-4", (2, 3, 4)),
        ("compare these two", ()),
        ("compare all 8 papers", ()),
        ("the one on robots", ()),
        ("with at least 3 authors", ()),
    ],
)
def test_bare_numbers_name_papers_where_an_action_takes_some(text: str, numbers: tuple[int, ...]) -> None:
    assert numbers_named(text, 8, bare=True) == numbers


def test_numbers_of_dates_and_counts_name_nothing() -> None:
    text = "compare 1 and 3 of May 4"
    assert numbers_named(text, 8, [(text.index("May"), len(text))], bare=True) == (1, 3)


def test_papers_are_named_by_their_titles() -> None:
    papers = {
        "a": Paper("a", "Pebble: Small Caches", "Pebble prunes."),
        "b": Paper("b", "Walking Robots on Sand", "Dune walks."),
    }
    assert papers_titled("what does Pebble cost?", (), ("b", "a"), papers) == (2,)
    assert papers_titled("Walking robots on sand please", (), ("b", "a"), papers) == (1,)
    assert papers_titled("which pebbles are there", (), ("b", "a"), papers) == ()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("summarise in 2 lines", ()),
        ("3 short sentences on these", ()),
        ("1 paragraph", ()),
        ("summarise 2 in 3 lines", (2,)),
        ("summarise 1 and 2 in points", (1, 2)),
        ("merge 1 and 2", (1, 2)),
        ("is 1 newer than 3?", (1, 3)),
        ("not more than 3", ()),
        ("older than 3 years", ()),
    ],
)
def test_lengths_and_quantities_name_no_papers(text: str, numbers: tuple[int, ...]) -> None:
    assert numbers_named(text, 8, bare=True) == numbers


def test_raised_digit_names_no_paper() -> None:
    assert numbers_named("paper ² and ③", 5, bare=True) == ()
