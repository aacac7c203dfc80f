"""Questions in two hops."""

from __future__ import annotations

import pytest

from rag.index.papers import PaperStore
from rag.retrieval.linked import asked_links, raise_linked
from rag.types import Hit, Paper, Query
from tests.test_links import FISH, HARBOUR, NEXT, PEBBLE, links_of

PAPERS = PaperStore.of((PEBBLE, HARBOUR, NEXT, *FISH))
LINKS = links_of(PEBBLE, HARBOUR, NEXT, *FISH)


def asked(question: str) -> dict[str, float]:
    return asked_links(Query(question, "list", question), LINKS, PAPERS)


@pytest.mark.parametrize(
    ("question", "papers"),
    [
        ("What later improved on QuickPebble?", {"harbour": 0.9, "next": 0.9}),
        ("which papers build on quickpebble", {"harbour": 0.5, "next": 0.9}),
        ("What does Harbour compare itself with?", {"pebble": 0.9}),
        ("Which paper was outperformed by Harbour?", {"pebble": 0.9}),
        ("QuickPebble was extended by which papers?", {"harbour": 0.5, "next": 0.9}),
        ("What does Evicting blocks of slow disks build on?", {"pebble": 0.5}),
        ("How fast is QuickPebble?", {}),
        ("Compare QuickPebble with Harbour", {}),
        ("what builds on caches", {}),
        ("", {}),
    ],
)
def test_a_question_asks_for_links_in_one_direction(question: str, papers: dict[str, float]) -> None:
    assert asked(question) == papers


def test_linked_papers_come_first_with_a_signal() -> None:
    hits = tuple(Hit(n, Paper(name, name, "It is."), 0.3 / n, -float(n)) for n, name in enumerate("abc", 1))
    raised = raise_linked(hits, {"c": 0.9, "b": 0.5})
    assert [(hit.rank, hit.paper.paper_id, hit.score) for hit in raised] == [
        (1, "c", 0.9),
        (2, "b", 0.5),
        (3, "a", 0.3),
    ]
    assert raised[0].signals == {"linked": 0.9} and raised[2].signals == {}
    assert raise_linked(hits, {}) == hits
