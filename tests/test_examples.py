from __future__ import annotations

from rag.types import Paper
from ui.examples import example_questions

PAPERS = (
    Paper("1", "Pebble: Small Caches", "Text.", date="2024", authors=("Ada Quill", "Ben")),
    Paper("2", "Reef: Caches on Disk", "Text.", date="2025-02", authors=("Ada Quill",), code="https://x.org/reef"),
    Paper("3", "Dune: Sparse Caches", "Text.", date="2023"),
    Paper("4", "A title without a name", "Text."),
)


def test_examples_name_what_the_collection_holds() -> None:
    assert example_questions(PAPERS, ("caches, disk", "sparse attention", "third")) == (
        "Papers on caches",
        "Papers on sparse attention",
        "What does Reef do?",
        "Compare Pebble and Dune",
        "Papers by Ada Quill",
        "The newest papers with code",
    )


def test_collection_without_names_authors_or_code_offers_only_its_topics() -> None:
    assert example_questions((Paper("1", "Untitled work", "Text."),), ("caches",)) == ("Papers on caches",)
    assert example_questions(()) == ()
