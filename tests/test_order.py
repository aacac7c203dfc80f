from __future__ import annotations

import pytest

from rag.query.understanding.order import ordering
from rag.types import Order


@pytest.mark.parametrize(
    ("question", "order", "count"),
    [
        ("What is the newest paper?", "newest", 1),
        ("latest paper on caches", "newest", 1),
        ("the most recent paper on caches", "newest", 1),
        ("the five newest", "newest", 5),
        ("the five newest papers", "newest", 5),
        ("the latest 10 papers", "newest", 10),
        ("the newest papers on caches", "newest", None),
        ("the oldest paper here", "oldest", 1),
        ("the earliest work on dunes", "oldest", 1),
        ("the first paper on dunes", "oldest", 1),
        ("the first three papers on dunes", "oldest", 3),
        ("Which paper is the oldest?", "oldest", 1),
        ("Put these in order of appearance: A, B", "oldest", None),
        ("list them chronologically", "oldest", None),
        ("in chronological order", "oldest", None),
        ("in reverse chronological order", "newest", None),
        ("papers on caches, newest first", "newest", None),
        ("oldest first", "oldest", None),
        ("papers on caches sorted by date", "oldest", None),
        ("order by year", "oldest", None),
        ("Which came first, A or B?", "oldest", 1),
        ("Which is the newest?", "newest", 1),
        ("Which are the newest?", "newest", None),
        ("In which order did these appear: A, B, C?", "oldest", None),
        ("In what order were A and B published?", "oldest", None),
        ("Which is newer, A or B?", "newest", 1),
        ("list them and say which is the newest", "newest", None),
        ("Going by listing dates, what is the oldest paper?", "oldest", 1),
    ],
)
def test_order_by_date_is_recognised(question: str, order: Order, count: int | None) -> None:
    found = ordering(question)
    assert found is not None
    assert (found.order, found.count) == (order, count)


@pytest.mark.parametrize(
    "question",
    [
        "first-order methods",
        "time to first token",
        "the first layer",
        "the latest GPUs",
        "latest-generation cards",
        "evict the oldest tokens",
        "the earliest exit of a model",
        "order of magnitude",
        "in which order are layers pruned",
        "sorted by relevance",
        "recent papers",
        "second-order optimization",
    ],
)
def test_what_orders_no_papers_is_left_alone(question: str) -> None:
    assert ordering(question) is None
