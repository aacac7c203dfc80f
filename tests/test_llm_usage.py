from __future__ import annotations

import pytest

from rag.answer import Usage
from rag.llm.usage import ReplyTiming
from rag.types import TokenUsage


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (TokenUsage(), TokenUsage(), TokenUsage()),
        (TokenUsage(1, 10, 2, 0.5), TokenUsage(2, 20, 4, 1.0), TokenUsage(3, 30, 6, 1.5)),
        (TokenUsage(1, None, None, 0.5), TokenUsage(1, 20, None, 0.5), TokenUsage(2, 20, None, 1.0)),
        (TokenUsage(1, 0, 3, 0.0), TokenUsage(1, None, 0, 0.0), TokenUsage(2, 0, 3, 0.0)),
    ],
)
def test_usage_adds_up_and_unknown_counts_add_nothing(one: TokenUsage, other: TokenUsage, both: TokenUsage) -> None:
    assert one + other == other + one == both


@pytest.mark.parametrize(
    ("now", "earlier", "between"),
    [
        (TokenUsage(3, 30, 6, 1.5), TokenUsage(1, 10, 2, 0.5), TokenUsage(2, 20, 4, 1.0)),
        (TokenUsage(3, 30, 6, 1.5), TokenUsage(), TokenUsage(3, 30, 6, 1.5)),
        (TokenUsage(2, None, 6, 1.5), TokenUsage(1, None, None, 0.5), TokenUsage(1, None, 6, 1.0)),
        (TokenUsage(1, 10, 2, 0.5), TokenUsage(1, 10, 2, 0.5), TokenUsage(0, 0, 0, 0.0)),
    ],
)
def test_usage_since_an_earlier_total_is_the_difference(
    now: TokenUsage, earlier: TokenUsage, between: TokenUsage
) -> None:
    assert now - earlier == between
    assert earlier + between == now


def test_usage_is_the_sum_of_its_steps() -> None:
    assert Usage().total == TokenUsage()
    steps = {"write": TokenUsage(1, 10, 2, 1.0), "repair": TokenUsage(2, None, 3, 0.5)}
    assert Usage(steps).total == TokenUsage(3, 10, 5, 1.5)


def test_reply_timing_is_shown_in_words() -> None:
    assert str(ReplyTiming(0.5, 2.5, 9, 21, False)) == "first token after 0.50 s, 10 tokens/s, reports token counts"
    assert str(ReplyTiming(0.5, 4.5, 9, None, True)) == (
        "first token after 0.50 s, 2.0 tokens/s, reports no token counts, reasons first"
    )
    assert str(ReplyTiming(None, None, 0, None, False)) == "reports no token counts"
