from __future__ import annotations

import pytest

from rag.query.numbers import read_author_count, read_count, read_number


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("three", 3), ("top 10", 10), ("top-3", 3), ("a couple of", 2), ("half a dozen", 6), ("a dozen", 12),
        ("one or two", 2), ("twenty five", 25), ("a single", 1), ("two hundred", 200), ("both", 2), ("a few", None),
        ("several", None), ("zero", None), ("9" * 30, None), ("", None),
    ],
)  # fmt: skip
def test_count_is_the_greatest_number_stated(text: str, count: int | None) -> None:
    assert read_count(text) == count


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("single-author", 1, 1),
        ("written by one person", 1, 1),
        ("solo-authored", 1, 1),
        ("two authors", 2, 2),
        ("exactly two authors", 2, 2),
        ("two-author", 2, 2),
        ("more than ten authors", 11, None),
        ("at least 20 authors", 20, None),
        ("10+ authors", 10, None),
        ("ten authors or more", 10, None),
        ("no fewer than four authors", 4, None),
        ("fewer than four authors", None, 3),
        ("at most three authors", None, 3),
        ("two authors max", None, 2),
        ("not more than two authors", None, 2),
        ("four authors or fewer", None, 4),
        ("between two and five authors", 2, 5),
        ("multiple authors", 2, None),
    ],
)
def test_author_count_is_the_range_stated(text: str, least: int | None, most: int | None) -> None:
    assert read_author_count(text) == (least, most)


def test_stretch_without_a_number_of_authors_states_none() -> None:
    assert read_author_count("authors") is None
    assert read_author_count("fewer than one author") is None


def test_number_is_read_from_the_beginning_only() -> None:
    assert read_number(["three", "years"]) == (1, 3)
    assert read_number(["years", "three"]) == (0, None)
    assert read_number(["twenty", "five", "six"]) == (2, 25)
