from __future__ import annotations

from collections.abc import Sequence

import pytest

from rag.answer import Group
from rag.generation.grouping import group_by_field, group_papers, title_phrases
from rag.index.bm25 import Bm25Index
from rag.types import Evidence, Paper, Query, Quote

TITLES = (
    "Kelp: Tidal Turbines with Blade Coating",
    "A Study of Blade Coating for Turbines",
    "Sluice Gates for Turbines",
    "Turbines behind Sluice Gates",
    "Turbines in Winter",
)
OTHERS = [Paper(f"x{i}", f"Ducks {i}", "Ducks swim.") for i in range(20)]
QUERY = Query("Which papers are about turbines?", "list", "turbines")


def evidence(titles: Sequence[str]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(i, Paper(str(i), title, f"{title}. It works."), ()) for i, title in enumerate(titles, start=1)
    )


def grouped(titles: Sequence[str], query: Query = QUERY) -> tuple[Group, ...]:
    held = evidence(titles)
    index = Bm25Index.build([*(each.paper for each in held), *OTHERS])
    return group_papers(query, held, index, len(held) + len(OTHERS))


def test_papers_fall_into_groups_named_by_their_own_phrases() -> None:
    assert grouped(TITLES) == (
        Group("blade coating", (1, 2)),
        Group("sluice gates", (3, 4)),
        Group("other", (5,)),
    )


def test_few_papers_and_papers_that_share_nothing_are_not_grouped() -> None:
    assert grouped(TITLES[:3]) == ()
    assert grouped(("Owls", "Harbours in Spring", "Bread", "Kites over Hills", "Pianos")) == ()
    assert grouped(()) == ()


def test_a_phrase_of_the_sentences_names_a_group_if_it_ends_a_title_nearby() -> None:
    said = ("It uses blade coating daily.", "They need blade coating.", "Sluice gates open.", "It has sluice gates.")
    held = tuple(
        Evidence(n, Paper(str(n), f"Turbines {'ABCD'[n - 1]}", text), (Quote(text, 0, len(text)),))
        for n, text in enumerate(said, start=1)
    )
    index = Bm25Index.build([*(each.paper for each in held), *OTHERS])
    titles = ("Wear of Blade Coating", "Turbines with Sluice Gates", "Sluice Gates Open")
    groups = group_papers(QUERY, held, index, len(held) + len(OTHERS), titles)
    assert groups == (Group("blade coating", (1, 2)), Group("sluice gates", (3, 4)))
    assert group_papers(QUERY, held, index, len(held) + len(OTHERS)) == ()


def test_what_the_question_says_names_no_group() -> None:
    names = [each.name for each in grouped(TITLES, Query("blade coating of turbines?", "list", "x"))]
    assert "blade coating" not in names


@pytest.mark.parametrize(("said", "written"), [("blade-coating", "Bladecoating"), ("bladecoating", "Blade-coating")])
def test_what_the_question_says_in_another_spelling_names_no_group(said: str, written: str) -> None:
    titles = (f"Kelp: {written}", f"A Study of {written}", "Sluice Gates for Dams", "Dams behind Sluice Gates", "Owls")
    assert grouped(titles, Query("wear of dams?", "list", "x"))[0].name == written.lower()
    assert written.lower() not in [each.name for each in grouped(titles, Query(f"{said} of dams?", "list", "x"))]


def test_every_paper_is_in_one_group() -> None:
    groups = grouped((*TITLES, "Sluice Gates and Blade Coating", "Ice on Turbines"))
    numbers = [n for group in groups for n in group.numbers]
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("title", "phrases"),
    [
        ("Pushing the Limits of Sluice Gates", {"limits", "gates", "sluice gates"}),
        ("Kelp: Coating KV Blades", {"kelp", "blades", "KV blades", "coating KV blades"}),
        ("A Survey", set()),
        ("", set()),
    ],
)
def test_phrases_of_a_title_end_with_a_noun(title: str, phrases: set[str]) -> None:
    assert title_phrases(title) == phrases


def test_papers_are_grouped_by_a_field_the_ones_without_it_last() -> None:
    records = (("ICML 2024", "2024-05"), (None, "2023"), ("icml'22", "2022"), ("NeurIPS", None))
    held = tuple(
        Evidence(n, Paper(str(n), "T", "", venue=venue, date=date), ())
        for n, (venue, date) in enumerate(records, start=1)
    )
    assert group_by_field(held, "venue") == (
        Group("ICML", (1, 3)),
        Group("NeurIPS", (4,)),
        Group("no venue recorded", (2,)),
    )
    assert [each.name for each in group_by_field(held, "year")] == ["2024", "2023", "2022", "no year recorded"]
    assert group_by_field(held, "code") == (Group("no code recorded", (1, 2, 3, 4)),)
