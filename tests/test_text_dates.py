from __future__ import annotations

from datetime import date

import pytest

from rag.text.dates import first_day, is_within, last_day, next_date, previous_date


def test_date_covers_the_days_that_its_precision_leaves_open() -> None:
    assert [first_day(text) for text in ("2024", "2024-02", "2024-02-03")] == [
        date(2024, 1, 1),
        date(2024, 2, 1),
        date(2024, 2, 3),
    ]
    assert [last_day(text) for text in ("2024", "2024-02", "2024-02-03")] == [
        date(2024, 12, 31),
        date(2024, 2, 29),
        date(2024, 2, 3),
    ]


@pytest.mark.parametrize("text", ["", "24", "2024-13", "2024-02-30", "2024-1", "0000", "2024-00", "2024-02-00", "soon"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a date|no such day"):
        last_day(text)


def test_neighbours_keep_the_precision() -> None:
    assert [previous_date("2024"), previous_date("2025-01"), previous_date("2024-03-01")] == [
        "2023",
        "2024-12",
        "2024-02-29",
    ]
    assert [next_date("2024"), next_date("2024-12"), next_date("2023-02-28")] == ["2025", "2025-01", "2023-03-01"]


@pytest.mark.parametrize(
    ("text", "since", "until", "inside"),
    [
        ("2024", "2024", "2024", True),
        ("2024", "2024-03", None, False),
        ("2024-03", "2024-03", None, True),
        ("2024-03", "2024-03-02", None, False),
        ("2024-03-02", "2024-03-02", "2024-03-02", True),
        ("2024", None, "2024-12-31", True),
        ("2024", None, "2024-12-30", False),
        ("2025", "2024-03", None, True),
        ("2023-12-31", "2024", None, False),
        ("1999", None, None, True),
    ],
)
def test_date_is_within_bounds_where_all_its_days_are(
    text: str, since: str | None, until: str | None, inside: bool
) -> None:
    assert is_within(text, since, until) is inside
