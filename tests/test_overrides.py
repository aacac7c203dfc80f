from __future__ import annotations

import pytest

from rag.errors import UsageError
from rag.types import Filters, Overrides
from ui.overrides import overrides_from_json, overrides_to_json

SET = Overrides("list", Filters(since="2023", code=True, least_authors=2), frozenset({"venue"}), True)


def test_what_is_set_comes_back_as_it_was() -> None:
    shown = overrides_to_json(SET)
    assert shown == {
        "kind": "list",
        "filters": {"since": "2023", "least_authors": 2, "code": True},
        "drop": ["venue"],
        "as_is": True,
    }
    assert overrides_from_json(shown) == SET


def test_nothing_set_is_an_empty_object() -> None:
    assert overrides_to_json(Overrides()) == {}
    assert overrides_from_json({}) == Overrides()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "overrides is an object, not []"),
        ({"kinds": "list"}, "overrides has no 'kinds'"),
        ({"kind": "poem"}, "There is no kind 'poem'"),
        ({"as_is": 1}, "as_is is true or false, not 1"),
        ({"drop": "venue"}, "drop is a list of any of since"),
        ({"drop": ["title"]}, "drop is a list of any of since"),
        ({"drop": [[]]}, "drop is a list of any of since"),
        ({"filters": None}, "filters is an object, not None"),
        ({"filters": {"year": 2023}}, "filters has no 'year'"),
        ({"filters": {"since": 2023}}, "The filter since is a str, not 2023"),
        ({"filters": {"code": 1}}, "The filter code is a bool, not 1"),
        ({"filters": {"since": "soon"}}, "The filters cannot be met"),
        ({"filters": {"since": "2024", "until": "2023"}}, "since 2024 is after until 2023"),
    ],
)
def test_what_cannot_be_meant_is_named(values: object, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        overrides_from_json(values)
    assert said in str(raised.value)
