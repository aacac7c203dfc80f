from __future__ import annotations

import pytest

from rag.answer import Usage
from rag.llm.protocol import Spent


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Spent(), Spent(), Spent()),
        (Spent(1, 10, 2, 0.5), Spent(2, 20, 4, 1.0), Spent(3, 30, 6, 1.5)),
        (Spent(1, None, None, 0.5), Spent(1, 20, None, 0.5), Spent(2, 20, None, 1.0)),
        (Spent(1, 0, 3, 0.0), Spent(1, None, 0, 0.0), Spent(2, 0, 3, 0.0)),
    ],
)
def test_costs_add_up_and_what_is_not_said_counts_nothing(one: Spent, other: Spent, both: Spent) -> None:
    assert one + other == other + one == both


@pytest.mark.parametrize(
    ("now", "earlier", "between"),
    [
        (Spent(3, 30, 6, 1.5), Spent(1, 10, 2, 0.5), Spent(2, 20, 4, 1.0)),
        (Spent(3, 30, 6, 1.5), Spent(), Spent(3, 30, 6, 1.5)),
        (Spent(2, None, 6, 1.5), Spent(1, None, None, 0.5), Spent(1, None, 6, 1.0)),
        (Spent(1, 10, 2, 0.5), Spent(1, 10, 2, 0.5), Spent(0, 0, 0, 0.0)),
    ],
)
def test_cost_since_an_earlier_reading_is_the_difference(now: Spent, earlier: Spent, between: Spent) -> None:
    assert now.since(earlier) == between
    assert earlier + between == now


def test_usage_is_the_sum_of_its_steps() -> None:
    assert Usage().total == Spent()
    steps = {"write": Spent(1, 10, 2, 1.0), "repair": Spent(2, None, 3, 0.5)}
    assert Usage(steps).total == Spent(3, 10, 5, 1.5)
