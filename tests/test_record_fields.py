from __future__ import annotations

import pytest

from rag.query.record_fields import fields_asked


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        ("who wrote Pebble, and when?", ["authors", "date"]),
        ("at which venue was it presented?", ["venue"]),
        ("is there an implementation on GitHub?", ["code"]),
        ("does caching appear here?", []),
    ],
)
def test_fields_that_a_question_names(question: str, fields: list[str]) -> None:
    assert fields_asked(question) == fields
