from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from rag.errors import UsageError
from rag.types import CONSTRAINTS, DROPPABLE, Filters, Overrides, Turn
from ui.api.models import (
    AskArguments,
    AskRequest,
    Constraint,
    Droppable,
    FiltersSchema,
    OverridesRequest,
    SearchArguments,
    SearchParameters,
    TurnRequest,
    parse,
)
from ui.questions import overrides_to_json

SET = Overrides("list", Filters(since="2023", code=True, least_authors=2), frozenset({"venue"}), True, ("a", "b"))


def read_overrides(value: object) -> Overrides:
    return parse(OverridesRequest, value).to_overrides()


def test_overrides_come_back_as_they_were() -> None:
    shown = overrides_to_json(SET)
    assert shown == {
        "kind": "list",
        "filters": {"since": "2023", "least_authors": 2, "code": True},
        "drop": ["venue"],
        "as_is": True,
        "papers": ["a", "b"],
    }
    assert read_overrides(shown) == SET


def test_no_overrides_are_an_empty_object() -> None:
    assert overrides_to_json(Overrides()) == {}
    assert read_overrides({}) == Overrides()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "Input should be a JSON object."),
        ({"kinds": "list"}, "There is no 'kinds' here; there are kind, drop, as_is, filters, papers."),
        (
            {"kind": "poem"},
            "kind: Input should be 'list', 'fact', 'compare', 'lookup', 'summary', 'metadata', 'help' or 'off-topic'.",
        ),
        ({"as_is": 1}, "as_is: Input should be a valid boolean."),
        ({"drop": "venue"}, "drop: Input should be a valid list."),
        ({"drop": ["title"]}, "drop.0: Input should be 'since', 'until', 'author'"),
        ({"drop": [[]]}, "drop.0: Input should be 'since', 'until', 'author'"),
        ({"filters": None}, "filters: Input should be a JSON object."),
        ({"filters": {"year": 2023}}, "There is no 'year' here; there are since, until"),
        ({"filters": {"since": True}}, "filters.since: Input should be a valid string."),
        ({"filters": {"since": 20230}}, "filters.since: Input should be a valid string."),
        ({"filters": {"code": 1}}, "filters.code: Input should be a valid boolean."),
        ({"filters": {"least_authors": 0}}, "filters.least_authors: Input should be greater than or equal to 1."),
        ({"filters": {"author_count": {"more": 1}}}, "filters.author_count.more: Extra inputs are not permitted."),
        ({"filters": {"author_count": {"least": 1}, "most_authors": 2}}, "The filters cannot be met: author_"),
        ({"filters": {"since": "soon"}}, "The filters cannot be met: not a date"),
        ({"filters": {"since": "2024", "until": "2023"}}, "The filters cannot be met: since 2024 is after"),
    ],
)
def test_field_that_is_wrong_is_named(values: object, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_overrides(values)
    assert str(raised.value).startswith(said)


def test_filters_of_an_answer_can_be_sent_back() -> None:
    given_out = {"since": 2023, "until": "2024-06", "author_count": {"least": 2, "most": 4}, "venue": "ICML"}
    TypeAdapter(FiltersSchema).validate_python(given_out)
    overrides = read_overrides({"filters": given_out})
    assert overrides.filters == Filters("2023", "2024-06", None, 2, 4, "ICML")


def test_numbers_and_flags_may_be_text_as_in_a_query_string() -> None:
    asked = parse(SearchParameters, {"q": "a", "k": "7", "code": "true", "least_authors": "2", "drop": ["since, code"]})
    assert (asked.question, asked.k) == ("a", 7)
    assert asked.to_overrides() == Overrides(
        filters=Filters(code=True, least_authors=2), drop=frozenset({"since", "code"})
    )


def test_null_is_the_same_as_nothing() -> None:
    assert parse(SearchArguments, {"question": "a", "since": None, "kind": None}).to_overrides() == Overrides()


def test_turns_are_answers_as_they_are_or_less() -> None:
    history = [{"question": "a", "answer": "b [1].", "citations": [{"n": 1, "paper_id": "x"}], "model": None},
               {"question": "c", "citations": ["y"]}]  # fmt: skip
    turns = (Turn("a", "b [1].", ("x",)), Turn("c", "", ("y",)))
    for model in (AskRequest, AskArguments):
        assert parse(model, {"question": "d", "history": history}).to_question().history == turns


@pytest.mark.parametrize(
    "turn", [{}, {"question": 1}, {"question": "a", "answer": None}, {"question": "a", "citations": [{}]}, "a"]
)
def test_turn_that_is_none_is_refused(turn: Any) -> None:
    with pytest.raises(ValidationError):
        TurnRequest.model_validate(turn)


def test_constraints_are_those_of_the_library() -> None:
    assert get_args(Constraint) == tuple(CONSTRAINTS)
    assert tuple(name for part in get_args(Droppable) for name in get_args(part)) == DROPPABLE
