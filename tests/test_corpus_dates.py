from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.dates import join_date, to_date
from rag.text.dates import first_day


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (2021, "2021"),
        (2021.0, "2021"),
        (math.nan, None),
        (True, None),
        (20230714, "2023-07-14"),
        (1732031613079, "2024-11-19"),
        ("2024-05-17T17:59:59Z", "2024-05-17"),
        ("2020/01/31", "2020-01-31"),
        ("2014//", "2014"),
        ("2014/05/03/", "2014-05-03"),
        ("2018 Dec 27", "2018-12-27"),
        ("2016 Jan-Feb", "2016-01"),
        ("Spring 2021", "2021"),
        ("Mon, 2 Apr 2007 19:18:42 GMT", "2007-04-02"),
        ("September 3rd, 2018", "2018-09-03"),
        ("27/12/2018", "2018-12-27"),
        ("12/27/2018", "2018-12-27"),
        ("01/02/2018", "2018"),
        ("2018-00-00", "2018"),
        ("2023-02-29", "2023-02"),
        ("2O14", None),
        ("in press", None),
        ({"date-parts": [["2018", 12]]}, "2018-12"),
        ({"date-parts": [[None]]}, None),
        ({"raw": "circa 1998"}, "1998"),
        ([1957, 10, 3], "1957-10-03"),
    ],
)
def test_date_is_as_precise_as_it_was_written(value: Any, date: str | None) -> None:
    assert to_date(value) == date


def test_month_and_day_that_are_none_are_left_out() -> None:
    assert [join_date("2012", month, "21-23") for month in ("May", "5", "Spring", None)] == [
        "2012-05",
        "2012-05",
        "2012",
        "2012",
    ]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.from_regex(r"[-/. 0-9A-Za-z]{0,12}"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("date-parts"), inner, max_size=1),
    )
)
def test_anything_is_a_date_or_none(value: Any) -> None:
    date = to_date(value)
    assert date is None or first_day(date)
