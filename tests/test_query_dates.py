from __future__ import annotations

from datetime import date
from time import process_time

import pytest

from rag.query.dates import join_dates, read_dates

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2023", "2023", "2023"),
        ("in 2023", "2023", "2023"),
        ("and in 2023?", "2023", "2023"),
        ("since 2023", "2023", None),
        ("after 2023", "2024", None),
        ("2023 or later", "2023", None),
        ("from 2019 on", "2019", None),
        ("2021-", "2021", None),
        ("2022+", "2022", None),
        ("≥ 2022", "2022", None),
        ("before 2023", None, "2022"),
        ("pre-2020", None, "2019"),
        ("until 2020", None, "2020"),
        ("2020 or earlier", None, "2020"),
        ("not before 2020", "2020", None),
        ("no later than June 2022", None, "2022-06"),
        ("2018 at the earliest", "2018", None),
        ("before the end of 2020", None, "2020-12"),
        ("between March 2024 and May 2025", "2024-03", "2025-05"),
        ("between May and August 2024", "2024-05", "2024-08"),
        ("2018–2021", "2018", "2021"),
        ("2022-23", "2022", "2023"),
        ("2022 or 2023", "2022", "2023"),
        ("since 2020 and before 2023", "2020", "2022"),
        ("from 2016 to today", "2016", "2026-11-28"),
        ("5 March 2024", "2024-03-05", "2024-03-05"),
        ("after March 5th, 2024", "2024-03-06", None),
        ("2024-03-05", "2024-03-05", "2024-03-05"),
        ("between 01/2020 and 06/2021", "2020-01", "2021-06"),
        ("since October", "2026-10", None),
        ("in the first half of 2023", "2023-01", "2023-06"),
        ("Q3 2024", "2024-07", "2024-09"),
        ("late 2022", "2022-09", "2022-12"),
        ("since mid-2023", "2023-05", None),
        ("the 2010s", "2010", "2019"),
        ("from the 90s", "1990", "1999"),
        ("the nineties", "1990", "1999"),
        ("'24", "2024", "2024"),
        ("last year", "2025", "2025"),
        ("this year's", "2026", "2026"),
        ("last month", "2026-10", "2026-10"),
        ("in the last year", "2025-11", None),
        ("last two years", "2024-11", None),
        ("within the past 6 months", "2026-05", None),
        ("the last twenty-five years", "2001-11", None),
        ("last week", "2026-11-21", None),
        ("older than three years", None, "2023-10"),
        ("not older than three years", "2023-11", None),
        ("at least ten years old", None, "2016-11"),
        ("yesterday", "2026-11-27", "2026-11-27"),
    ],
)
def test_stretch_is_the_dates_that_it_states(text: str, since: str | None, until: str | None) -> None:
    assert read_dates(text, TODAY) == (since, until)
    assert read_dates(text.upper(), TODAY) == (since, until)


@pytest.mark.parametrize(
    "text",
    ["around 2012", "since last summer", "in recent years", "31 June 2024", "older", "not 2024", "ten years",
     "2020, 2021 and 2022 or so", "", "before", "99999", "month 13/2020", "two"],
)  # fmt: skip
def test_stretch_that_is_not_understood_whole_states_nothing(text: str) -> None:
    assert read_dates(text, TODAY) is None


def test_dates_that_exclude_each_other_are_covered() -> None:
    assert join_dates([("2022", "2022"), ("2024", "2024")]) == ("2022", "2024")
    assert join_dates([("2020", None), (None, "2022")]) == ("2020", "2022")
    assert join_dates([]) == (None, None)


@pytest.mark.parametrize("part", ["in March 2025 ", "the last two years ", "twenty ", "2024-", "'", "of "])
def test_reading_a_long_stretch_takes_linear_time(part: str) -> None:
    start = process_time()
    assert read_dates(part * (20_000 // len(part)), TODAY) is None
    assert process_time() - start < 0.1
