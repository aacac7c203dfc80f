from __future__ import annotations

from dataclasses import replace

import pytest

from rag.types import Filters, Paper

PAPER = Paper(
    "1",
    "Small Caches",
    "Text.",
    date="2024-03",
    authors=("Ada Quill", "Bo Tanaka"),
    authors_complete=True,
    venue="ICML 2024",
    code="https://example.org/code",
    organisation="Google DeepMind",
)
BARE = Paper("2", "Dunes", "Text.")


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(), True),
        (Filters(since="2024"), True),
        (Filters(since="2024-04"), False),
        (Filters(until="2024-03-30"), False),
        (Filters(until="2024-03-31"), True),
        (Filters(author="Quill"), True),
        (Filters(author="Ada Tanaka"), False),
        (Filters(least_authors=2), True),
        (Filters(least_authors=3), False),
        (Filters(most_authors=1), False),
        (Filters(least_authors=2, most_authors=2), True),
        (Filters(venue="icml"), True),
        (Filters(venue="ICML 2023"), False),
        (Filters(code=True), True),
        (Filters(code=False), False),
        (Filters(since="2024", author="Quill", venue="ICML", code=True), True),
        (Filters(author="Quill", coauthors=("Tanaka",)), True),
        (Filters(author="Quill", coauthors=("Osei",)), False),
        (Filters(organisation="DeepMind"), True),
        (Filters(organisation="Google Research"), False),
        (Filters(not_date="2024"), False),
        (Filters(not_date="2023"), True),
        (Filters(not_author="Tanaka"), False),
        (Filters(not_venue="NeurIPS"), True),
        (Filters(not_organisation="Google"), False),
    ],
)
def test_paper_passes_where_it_satisfies_every_filter(filters: Filters, passes: bool) -> None:
    assert filters.admits(PAPER) is passes


@pytest.mark.parametrize(
    ("venue", "asked", "passes"),
    [
        ("Proceedings of the 41st ICML", "ICML 2024", True),
        ("Proceedings of the 41st ICML", "ICML'24", True),
        ("Proceedings of the 41st ICML", "ICML 2023", False),
        ("ICML 2023", "ICML 2024", False),
        ("ICML'23", "ICML 2024", False),
    ],
)
def test_venue_without_a_year_is_of_the_papers_year(venue: str, asked: str, passes: bool) -> None:
    assert Filters(venue=asked).admits(replace(PAPER, venue=venue)) is passes


def test_year_of_a_paper_does_not_make_its_venue_a_conference() -> None:
    assert not Filters(venue="conference").admits(replace(PAPER, venue="Nature"))
    assert Filters(venue="conference").admits(replace(PAPER, venue="ICML 2023"))


def test_what_is_unknown_of_a_paper_satisfies_no_filter() -> None:
    asked = (
        Filters(since="1900"),
        Filters(author="Quill"),
        Filters(least_authors=1),
        Filters(most_authors=99),
        Filters(venue="ICML"),
    )
    assert not [filters for filters in asked if filters.admits(BARE)]
    assert Filters(code=False).admits(BARE)
    assert Filters(not_date="2024", not_author="Quill", not_venue="ICML", not_organisation="Google").admits(BARE)


def test_author_count_is_the_given_one_and_else_that_of_a_complete_list() -> None:
    assert PAPER.known_author_count == 2
    assert Paper("3", "A", "x", authors=("Ada Quill",), author_count=7).known_author_count == 7
    assert Paper("4", "A", "x", authors=("Ada Quill",)).known_author_count is None


def test_filters_are_true_where_any_is_set() -> None:
    assert not Filters()
    assert Filters(code=False)


@pytest.mark.parametrize(
    "values",
    [
        {"since": "soon"},
        {"until": "2024-02-30"},
        {"since": "2024", "until": "2023"},
        {"author": " "},
        {"venue": "'"},
        {"least_authors": 0},
        {"most_authors": -1},
        {"least_authors": 3, "most_authors": 2},
    ],
)
def test_senseless_filters_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Filters(**values)  # type: ignore[arg-type]


def test_constraint_is_lifted_by_its_name() -> None:
    filters = Filters(since="2024", least_authors=1, most_authors=2, code=True)
    assert filters.without("author_count") == Filters(since="2024", code=True)
    assert filters.without("venue") == filters
    with pytest.raises(ValueError, match="not a filter: 'colour'; there are since, until"):
        filters.without("colour")
