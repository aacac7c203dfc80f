from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer import Answer, Citation
from rag.models.encoder import load_encoder
from rag.types import Filters, Kind, Paper, Query
from tests.fakes import DUNE, PEBBLE, QUBITS, REEF
from ui.suggestions import example_questions, follow_ups, short_name


def answer(*papers: Paper, kind: Kind = "list", filters: Filters = Filters(), question: str = "caches?") -> Answer:
    citations = tuple(Citation(n, paper) for n, paper in enumerate(papers, start=1))
    return Answer(Query(question, kind, "caches", filters), "extractive", "", citations)


def test_questions_are_made_from_the_papers() -> None:
    assert follow_ups(answer(PEBBLE, REEF, DUNE)) == (
        "Tell me more about Pebble",
        "Compare Pebble and Reef",
        "Which of those have code?",
        "And in 2024?",
    )


def test_paper_without_a_name_is_called_by_its_place() -> None:
    assert follow_ups(answer(QUBITS, DUNE))[0] == "Tell me more about the first"
    assert follow_ups(answer(QUBITS)) == ("Tell me more about that paper", "Papers by Ada Quill")


def test_author_and_venue_lead_to_other_work() -> None:
    assert follow_ups(answer(PEBBLE)) == ("Tell me more about Pebble", "Papers by Ada Quill", "Papers at ICML 2024")


def test_what_is_set_already_is_not_offered() -> None:
    filters = Filters(since="2023", code=True, author="Ada Quill", venue="ICML")
    assert follow_ups(answer(PEBBLE, REEF, filters=filters)) == ("Tell me more about Pebble", "Compare Pebble and Reef")


def test_comparison_does_not_offer_a_comparison() -> None:
    assert "Compare Pebble and Reef" not in follow_ups(answer(PEBBLE, REEF, kind="compare"))


def test_question_that_was_just_asked_is_not_offered() -> None:
    assert "Papers by Ada Quill" not in follow_ups(answer(QUBITS, question="papers by ada quill"))


def test_refusal_offers_nothing() -> None:
    assert follow_ups(answer()) == ()


def test_leaning_questions_are_understood_as_leaning() -> None:
    encoder = load_encoder()
    for question in (
        "Tell me more about the first",
        "Tell me more about that paper",
        "Which of those have code?",
        "And in 2024?",
    ):
        chances = encoder.encode_question(question).follow_ups
        assert max(chances, key=lambda name: chances[name]) in ("refine", "act", "ask")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Pebble: Small Caches", "Pebble"),
        ("Pebble 2: Smaller", "Pebble 2"),
        ("What we know about caches: a survey", None),
        ("Small Caches", None),
        ("…: dots", None),
        (": nothing", None),
        ("<b>X</b>: y", "‹b>X‹/b>"),
    ],
)
def test_short_name(title: str, name: str | None) -> None:
    assert short_name(replace(PEBBLE, title=title)) == name


NAMED = (
    Paper("1", "Pebble: Small Caches", "Text.", date="2024", authors=("Ada Quill", "Ben")),
    Paper("2", "Reef: Caches on Disk", "Text.", date="2025-02", authors=("Ada Quill",), code="https://x.org/reef"),
    Paper("3", "Dune: Sparse Caches", "Text.", date="2023"),
    Paper("4", "A title without a name", "Text."),
)


def test_examples_name_what_the_collection_holds() -> None:
    assert example_questions(NAMED, ("caches, disk", "sparse attention", "third")) == (
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
