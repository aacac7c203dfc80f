from __future__ import annotations

from dataclasses import replace

import pytest

from rag.query.overrides import apply_overrides, filter_phrases
from rag.types import Filters, Overrides, Query

QUERY = Query("papers by Quill before 2020 on caches", "list", "caches", Filters(until="2019", author="Quill"))


def test_each_constraint_is_said_in_plain_english() -> None:
    filters = Filters("2023", "2024-03", "Ada Quill", 1, 1, "ICML", True)
    assert filter_phrases(filters) == {
        "since": "dated 2023 or later",
        "until": "dated 2024-03 or earlier",
        "author": "by Ada Quill",
        "author_count": "with exactly one author",
        "venue": "at ICML",
        "code": "with code",
    }
    more = Filters(
        author="Ada Quill",
        coauthors=("Bo Tanaka",),
        organisation="DeepMind",
        not_date="2025",
        not_author="Osei",
        not_venue="ICML",
        not_organisation="Google",
    )
    assert filter_phrases(more) == {
        "author": "by Ada Quill",
        "coauthors": "by Bo Tanaka too",
        "organisation": "from DeepMind",
        "not_date": "not dated 2025",
        "not_author": "not by Osei",
        "not_venue": "not at ICML",
        "not_organisation": "not from Google",
    }
    for name in filter_phrases(more):
        assert name not in filter_phrases(more.without(name))
    assert filter_phrases(Filters()) == {}
    assert filter_phrases(Filters(code=False)) == {"code": "without code"}


@pytest.mark.parametrize(
    ("least", "most", "phrase"),
    [
        (10, None, "with 10 or more authors"),
        (None, 1, "with at most one author"),
        (None, 4, "with at most 4 authors"),
        (2, 4, "with 2 to 4 authors"),
        (3, 3, "with exactly 3 authors"),
    ],
)
def test_author_counts_are_said(least: int | None, most: int | None, phrase: str) -> None:
    assert filter_phrases(Filters(least_authors=least, most_authors=most)) == {"author_count": phrase}


def test_nothing_set_changes_nothing() -> None:
    assert apply_overrides(QUERY, Overrides()) == QUERY


def test_set_filters_replace_understood_ones_field_by_field() -> None:
    changed = apply_overrides(QUERY, Overrides("fact", Filters(until="2018", code=True)))
    assert (changed.kind, changed.filters) == ("fact", Filters(until="2018", author="Quill", code=True))


def test_understood_bound_gives_way_to_one_that_excludes_it() -> None:
    assert apply_overrides(QUERY, Overrides(filters=Filters(since="2024"))).filters == Filters(
        since="2024", author="Quill"
    )
    query = Query("x since 2024", "list", "x", Filters(since="2024"))
    assert apply_overrides(query, Overrides(filters=Filters(until="2020"))).filters == Filters(until="2020")


def test_author_count_is_replaced_as_a_whole() -> None:
    query = Query("x", "list", "x", Filters(most_authors=2))
    assert apply_overrides(query, Overrides(filters=Filters(least_authors=5))).filters == Filters(least_authors=5)


def test_dropped_constraints_are_lifted() -> None:
    assert apply_overrides(QUERY, Overrides(drop=frozenset({"author", "code"}))).filters == Filters(until="2019")


def test_question_taken_as_it_is_has_only_the_filters_that_are_set() -> None:
    literal = apply_overrides(QUERY, Overrides(filters=Filters(code=True), as_is=True))
    assert literal == Query(QUERY.question, "fact", QUERY.question, Filters(code=True))


def test_papers_that_are_set_replace_those_that_were_understood_and_are_all_compared() -> None:
    assert apply_overrides(QUERY, Overrides(papers=("a", "b"))) == replace(QUERY, papers=("a", "b"))
    compared = apply_overrides(QUERY, Overrides("compare", papers=("a", "b")))
    assert (compared.kind, compared.papers, compared.fixed) == ("compare", ("a", "b"), True)
    assert apply_overrides(QUERY, Overrides(papers=("a",), as_is=True)).papers == ("a",)
