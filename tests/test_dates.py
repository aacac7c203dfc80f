from __future__ import annotations

from datetime import date

import pytest

from rag.query.understanding.dates import date_mentions
from rag.query.understanding.mentions import join
from rag.types import Filters

TODAY = date(2025, 10, 20)


@pytest.mark.parametrize(
    ("question", "since", "until"),
    [
        ("papers before 2018", None, "2017"),
        ("papers after 2020 on pruning", "2021", None),
        ("since 2020", "2020", None),
        ("papers until 2020", None, "2020"),
        ("papers from 2020", "2020", "2020"),
        ("papers by 2020", None, "2020"),
        ("papers published through 2020", None, "2020"),
        ("papers 2024 or later", "2024", None),
        ("surveys from 2024 or newer", "2024", None),
        ("work from 2019 and earlier", None, "2019"),
        ("papers earlier than 2018", None, "2017"),
        ("papers no later than 2019", None, "2019"),
        ("papers older than 2018", None, "2017"),
        ("papers newer than 2022", "2023", None),
        ("papers more recent than 2022", "2023", None),
        ("pre-2018 papers", None, "2017"),
        ("pre 2018 papers", None, "2017"),
        ("post 2020 papers", "2021", None),
        ("papers prior to 2016", None, "2015"),
        ("papers 2024–2025", "2024", "2025"),
        ("papers 2024-2025", "2024", "2025"),
        ("between 2021 and 2023", "2021", "2023"),
        ("from 2019 to 2021", "2019", "2021"),
        ("papers from 2021 through 2023", "2021", "2023"),
        ("in 2024", "2024", "2024"),
        ("in 2023 and 2024", "2023", "2024"),
        ("in 2023 or 2024", "2023", "2024"),
        ("dated 2024", "2024", "2024"),
        ("papers dated 2024", "2024", "2024"),
        ("works from the year 2022", "2022", "2022"),
        ("2025 papers", "2025", "2025"),
        ("2023's papers", "2023", "2023"),
        ("2024 bilevel optimization papers", "2024", "2024"),
        ("Which 2024 papers prune?", "2024", "2024"),
        ("in March 2025", "2025-03", "2025-03"),
        ("since June 2024", "2024-06", None),
        ("Mar 2025", "2025-03", "2025-03"),
        ("March of 2025", "2025-03", "2025-03"),
        ("until Sept. 2023", None, "2023-09"),
        ("in early 2024", "2024-01", "2024-04"),
        ("in mid-2024", "2024-05", "2024-08"),
        ("late 2024 papers", "2024-09", "2024-12"),
        ("first half of 2023", "2023-01", "2023-06"),
        ("in the second half of 2023", "2023-07", "2023-12"),
        ("Q3 2024", "2024-07", "2024-09"),
        ("Q1 of 2024", "2024-01", "2024-03"),
        ("in the last two years", "2023-10", None),
        ("in the past two years", "2023-10", None),
        ("papers of the last 3 years", "2022-10", None),
        ("papers over the past decade", "2015-10", None),
        ("in the past six months", "2025-04", None),
        ("in the last year", "2024-10", None),
        ("papers from last year", "2024", "2024"),
        ("this year's papers", "2025", "2025"),
        ("since last year", "2024", None),
        ("posted this year", "2025", "2025"),
        ("last month", "2025-09", "2025-09"),
        ("in the previous month", "2025-09", "2025-09"),
        ("in the 2010s", "2010", "2019"),
        ("papers from the 1990s", "1990", "1999"),
        ("before March 2025", None, "2025-02"),
        ("after March 2025", "2025-04", None),
        ("papers on 2025-03-14", "2025-03-14", "2025-03-14"),
        ("since 14 March 2025", "2025-03-14", None),
        ("after March 14, 2025", "2025-03-15", None),
        ("since 2025-03", "2025-03", None),
        ("before the end of 2023", None, "2023"),
        ("papers by the end of 2023", None, "2023"),
        ("between March 2024 and May 2025", "2024-03", "2025-05"),
        ("published between January and March 2024", "2024-01", "2024-03"),
        ("that were first posted before 2018", None, "2017"),
        ("starting in 2022", "2022", None),
        ("papers released in 2022", "2022", "2022"),
        ("papers from 2023 onwards", "2023", None),
        ("papers from 2023 on", "2023", None),
        ("papers from 2023 on pruning", "2023", "2023"),
        ("PAPERS IN 2024", "2024", "2024"),
    ],
)
def test_date_phrases_bound_the_papers(question: str, since: str | None, until: str | None) -> None:
    assert join(date_mentions(question, TODAY)) == Filters(since, until)


@pytest.mark.parametrize(
    "question",
    [
        "on ImageNet 2012",
        "ImageNet 2012 papers",
        "trained on WMT 2014 English-German",
        "2048 tokens",
        "in 2000 steps",
        "in 2 hours",
        "at 2000 FPS",
        "from 2000 to 2030 tokens",
        "data from 2019 to 2021",
        "GPUs released in 2022",
        "on 31 June 2024",
        "over the past decade models grew",
        "in the last layer",
        "recent papers",
        "page 1999",
        "x-2020-y",
    ],
)
def test_numbers_that_date_no_paper_are_left_alone(question: str) -> None:
    assert date_mentions(question, TODAY) == []


def test_mentions_mark_what_they_were_read_from() -> None:
    question = "Which pruning papers were first posted before 2018?"
    (mention,) = date_mentions(question, TODAY)
    assert question[mention.start : mention.end] == "were first posted before 2018"


def test_last_year_goes_by_the_day_given() -> None:
    assert join(date_mentions("papers from last month", date(2025, 1, 9))) == Filters("2024-12", "2024-12")


def test_two_bounds_are_joined() -> None:
    assert join(date_mentions("papers since 2020 and before 2023", TODAY)) == Filters("2020", "2022")
