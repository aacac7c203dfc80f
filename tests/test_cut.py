from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer import EstimatedMissing
from rag.selection.cut import Selection, arrange, arrange_named, select
from rag.types import Hit, Kind, Paper, Query
from tests.fakes import ids

DATES = ["2021", "2024-02-01", None, "2019-07", "2024", "2022-12-31"]


def hits(*scores: float, dates: list[str | None] | None = None) -> list[Hit]:
    dated = dates or ["2024"] * len(scores)
    return [
        Hit(rank, Paper(f"p{rank}", f"Title {rank}", "Text.", date=date), score)
        for rank, (score, date) in enumerate(zip(scores, dated, strict=False), start=1)
    ]


def query(kind: Kind, **values: Any) -> Query:
    return Query("Which?", kind, "which", **values)


def test_list_is_cut_where_the_probable_papers_end() -> None:
    selection = select(query("list"), hits(0.9, 0.8, 0.7, 0.05, 0.02))
    assert (ids(selection.cited), ids(selection.near)) == (["p1", "p2", "p3"], ["p4", "p5"])


def test_list_of_improbable_papers_is_short() -> None:
    assert ids(select(query("list"), hits(0.23, 0.21, *[0.15] * 30)).cited) == ["p1", "p2"]
    assert ids(select(query("list"), hits(*[0.15] * 30)).cited) == ["p1"]


def test_list_may_cite_far_more_than_five_and_says_what_it_lacks() -> None:
    selection = select(query("list"), hits(*[0.9] * 40, *[0.05] * 20))
    assert (len(selection.cited), len(selection.near), selection.missed) == (40, 8, EstimatedMissing(0, 2))


def test_papers_behind_the_hundredth_are_neither_cited_nor_near_nor_missed() -> None:
    selection = select(query("list"), hits(*[0.95] * 130))
    assert (len(selection.cited), selection.near, selection.missed) == (100, (), EstimatedMissing(0, 0))


def test_count_that_is_asked_for_bounds_the_number_cited_and_adds_no_paper_that_does_not_belong() -> None:
    assert len(select(query("list", count=2), hits(0.9, 0.9, 0.9, 0.9)).cited) == 2
    assert len(select(query("list", count=3), hits(0.9, 0.01, 0.01, 0.01)).cited) == 1
    assert len(select(query("list", count=3), hits(0.9, 0.6, 0.55, 0.01)).cited) == 3
    assert len(select(query("list", count=9), hits(0.9, 0.8)).cited) == 2


@pytest.mark.parametrize(
    ("kind", "scores", "cited"),
    [
        ("fact", (0.9, 0.1, 0.1), 1),
        ("fact", (0.9, 0.9, 0.9, 0.9, 0.9), 3),
        ("fact", (0.01, 0.01), 1),
        ("fact", (0.3, 0.3), 2),
        ("compare", (0.9, 0.01, 0.01), 2),
        ("compare", (0.9,) * 6, 4),
        ("compare", (0.9,), 1),
        ("lookup", (0.9,) * 6, 1),
        ("lookup", (0.2, 0.2), 1),
    ],
)
def test_kind_bounds_how_many_are_cited(kind: Kind, scores: tuple[float, ...], cited: int) -> None:
    selection = select(query(kind), hits(*scores))
    assert (len(selection.cited), selection.missed) == (cited, None)


def test_nothing_found_gives_nothing_to_cite() -> None:
    for kind in ("list", "fact", "compare", "lookup"):
        assert select(query(kind), []).cited == ()  # type: ignore[arg-type]


@given(st.lists(st.floats(0.01, 0.99), max_size=20), st.sampled_from(["list", "fact", "compare", "lookup"]))
def test_near_misses_are_what_follows_the_cited_and_never_cited(scores: list[float], kind: Kind) -> None:
    found = hits(*sorted(scores, reverse=True))
    selection = select(query(kind), found)
    assert list(selection.cited + selection.near) == found[: len(selection.cited) + len(selection.near)]
    assert len(selection.near) == min(8, len(found) - len(selection.cited))


def ordered(order: str, count: int | None = None) -> Selection:
    found = hits(0.9, 0.9, 0.9, 0.9, 0.9, 0.01, dates=DATES)
    return select(query("list", order=order, count=count), found)


def test_order_cites_what_belongs_by_date_and_no_paper_without_one() -> None:
    assert ids(ordered("newest").cited) == ["p2", "p5", "p1", "p4"]
    assert ids(ordered("oldest").cited) == ["p4", "p1", "p5", "p2"]


def test_order_with_a_count_cites_so_many_from_its_end() -> None:
    assert ids(ordered("newest", 1).cited) == ["p2"]
    assert ids(ordered("oldest", 2).cited) == ["p4", "p1"]


def test_what_is_not_cited_in_order_is_near_by_rank() -> None:
    assert ids(ordered("oldest", 2).near) == ["p2", "p3", "p5", "p6"]


def test_ranking_shows_those_that_an_order_chooses_first_and_then_the_rest_by_rank() -> None:
    found = hits(0.9, 0.9, 0.9, 0.9, 0.9, 0.01, dates=DATES)
    turned = arrange(query("list", order="newest"), found)
    assert ids(turned) == ["p2", "p5", "p1", "p4", "p3", "p6"]
    assert [hit.rank for hit in turned] == [1, 2, 3, 4, 5, 6]
    assert ids(arrange(query("list", order="oldest", count=1), found)) == ["p4", "p1", "p2", "p3", "p5", "p6"]
    assert ids(select(query("list", order="newest"), found).cited) == ids(turned[:4])


def test_ranking_without_an_order_or_of_a_comparison_stays_as_it_is() -> None:
    found = hits(0.9, 0.9, dates=["2019", "2024"])
    assert arrange(query("list"), found) == tuple(found)
    assert arrange(query("compare", order="newest"), found) == tuple(found)
    assert arrange(query("list", order="newest"), []) == ()


def test_comparison_is_not_put_in_order_of_date() -> None:
    selection = select(query("compare", order="newest"), hits(0.9, 0.9, dates=["2019", "2024"]))
    assert ids(selection.cited) == ["p1", "p2"]


def test_named_papers_of_a_comparison_come_first_in_the_order_of_the_names() -> None:
    named = arrange_named(query("compare", subjects=("Title 3", "Title 2")), hits(0.9, 0.5, 0.2))
    assert (ids(named), [hit.rank for hit in named]) == (["p3", "p2", "p1"], [1, 2, 3])
    assert [hit.score for hit in named] == [0.99, 0.99, 0.9]


def test_summary_cites_as_a_list_does() -> None:
    selection = select(query("summary"), hits(0.9, 0.8, 0.7, 0.6, 0.05))
    assert (len(selection.cited), selection.missed) == (4, EstimatedMissing(0, 0))


def test_comparison_of_named_papers_cites_them_and_no_other() -> None:
    assert ids(select(query("compare"), hits(0.99, 0.99, 0.6, 0.5)).cited) == ["p1", "p2"]
    assert ids(select(query("compare"), hits(0.99, 0.6, 0.01)).cited) == ["p1", "p2"]
