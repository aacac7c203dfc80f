"""The words and the JSON of what a follow-up does."""

from __future__ import annotations

import pytest

from rag.answer import Answer
from rag.render.actions import action_text
from rag.render.json import answer_to_json
from rag.render.terminal import understood, understood_as
from rag.types import Action, Filters, Query


def query(action: Action, **values: object) -> Query:
    return Query("q", "list", "q", papers=("a", "b"), fixed=True, action=action, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (query(Action("compare", 8, (1, 3))), "compare papers 1 and 3 of 8"),
        (query(Action("compare", 1, brought=("LoRA",))), "compare the paper before with LoRA"),
        (query(Action("expand", 8, (2,))), "tell more of paper 2 of 8"),
        (query(Action("sort", 8), order="newest"), "sort the 8 papers before, the newest first"),
        (query(Action("filter", 8), filters=Filters(code=True)), "keep those with code of the 8 papers before"),
        (query(Action("filter", 8, (1, 2, 4))), "keep papers 1, 2 and 4 of 8"),
        (query(Action("drop", 8), excluded=("surveys",)), "leave out those on “surveys” of the 8 papers before"),
        (
            query(Action("drop", 8), filters=Filters(since="2022")),
            "keep those dated 2022 or later of the 8 papers before",
        ),
        (query(Action("export", 8, form="ris")), "export the 8 papers before as RIS"),
        (query(Action("lift", 8, lifted=("since", "code"))), "search again without since and code"),
        (query(Action("undo", 8)), "go back to the answer before"),
        (
            Query("q", "list", "q", Filters(since="2025"), action=Action("filter", 8)),
            "search again for papers dated 2025 or later",
        ),
        (Query("q", "list", "q"), None),
    ],
)
def test_words_say_what_is_done_and_to_which_papers(asked: Query, text: str | None) -> None:
    assert action_text(asked) == text
    said = understood_as(asked)
    assert (said or "").partition(" (--drop")[0] == (f"Understood as: {text}" if text else "")


def test_filters_that_an_action_names_are_not_said_again() -> None:
    asked = query(Action("filter", 8), filters=Filters(code=True))
    assert understood_as(asked) == "Understood as: keep those with code of the 8 papers before (--drop code to lift)"
    assert understood(asked) is None


def test_excluded_topic_and_order_are_shown_as_understood() -> None:
    asked = Query("q", "list", "q", excluded=("surveys",), order="most authors")
    assert understood(asked) == "Understood: not on surveys, the most authors first."


def test_action_is_part_of_the_json() -> None:
    shown = answer_to_json(Answer(query(Action("compare", 8, (1, 3))), "extractive", "Text."))
    assert shown["understood"]["action"] == {
        "name": "compare",
        "numbers": [1, 3],
        "total": 8,
        "form": None,
        "brought": [],
        "lifted": [],
        "by": None,
        "text": "compare papers 1 and 3 of 8",
    }
