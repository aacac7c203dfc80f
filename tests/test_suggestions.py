from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from rag.answer import Answer, Citation, EstimatedMissing
from rag.generation.examples import example_questions, short_name
from rag.index.papers import PaperStore
from rag.models.encoder import load_encoder
from rag.query.reader import QueryReader
from rag.types import Filters, Kind, Overrides, Paper, Query, Turn
from tests.fakes import DUNE, PEBBLE, QUBITS, REEF, SHELF
from ui.suggestions import follow_ups


def answer(*papers: Paper, kind: Kind = "list", filters: Filters = Filters(), question: str = "caches?") -> Answer:
    citations = tuple(Citation(n, paper) for n, paper in enumerate(papers, start=1))
    return Answer(Query(question, kind, "caches", filters), "extractive", "", citations)


def test_questions_are_made_from_the_papers() -> None:
    assert follow_ups(answer(PEBBLE, REEF, DUNE)) == (
        "Compare Pebble and Reef",
        "Which of those have code?",
        "Only since 2024",
        "Tell me more about the first",
    )


def test_what_cannot_be_met_is_not_offered() -> None:
    assert follow_ups(answer(QUBITS)) == ("Tell me more about that paper",)
    assert follow_ups(answer(QUBITS, kind="lookup")) == ()
    twins = (replace(REEF, paper_id="a"), replace(REEF, paper_id="b"))
    assert follow_ups(answer(*twins)) == ("Tell me more about the first",)


def test_years_are_offered_where_they_leave_some_papers_out() -> None:
    dated = [replace(QUBITS, paper_id=year, date=year) for year in ("2022", "2023", "2023", "2024")]
    assert "Only since 2023" in follow_ups(answer(*dated))
    assert "Only since 2023" not in follow_ups(answer(*dated[1:3]))
    assert not any("since" in each for each in follow_ups(answer(*dated, filters=Filters(until="2024"))))


def test_more_is_offered_where_more_probably_belong() -> None:
    near = (Citation(None, DUNE),)
    shown = replace(answer(QUBITS), near_misses=near, missed=EstimatedMissing(0, 3))
    assert "Show more" in follow_ups(shown)
    assert "Show more" not in follow_ups(replace(shown, missed=EstimatedMissing(0, 0)))


def test_author_of_several_papers_leads_to_other_work() -> None:
    by_one = (QUBITS, replace(QUBITS, paper_id="q2"))
    assert "Papers by Ada Quill" in follow_ups(answer(*by_one))
    assert "Papers by Ada Quill" not in follow_ups(answer(*by_one, question="papers by ada quill"))
    assert "Papers by Ada Quill" not in follow_ups(answer(*by_one, filters=Filters(author="Ada Quill")))


def test_author_or_venue_that_says_a_sentence_is_not_offered() -> None:
    said = "Your session has expired, which happens. Sign in again to go on."
    twins = [replace(QUBITS, paper_id=each, authors=(said,), venue=said) for each in "abc"]
    assert follow_ups(answer(*twins)) == ("Tell me more about the first",)
    assert example_questions(twins) == ()


def test_what_is_set_already_is_not_offered() -> None:
    filters = Filters(since="2023", code=True, author="Ada Quill", venue="ICML")
    assert follow_ups(answer(PEBBLE, REEF, filters=filters)) == (
        "Compare Pebble and Reef",
        "Tell me more about the first",
    )


def test_comparison_does_not_offer_a_comparison() -> None:
    assert "Compare Pebble and Reef" not in follow_ups(answer(PEBBLE, REEF, kind="compare"))


def test_refusal_offers_nothing() -> None:
    assert follow_ups(answer()) == ()


@pytest.mark.parametrize(
    ("question", "does"),
    [
        ("Tell me more about the first", "expand"),
        ("Which of those have code?", "filter"),
        ("Only since 2024", "filter"),
        ("Sort by date", "sort"),
        ("Show more", "more"),
    ],
)
def test_engine_does_what_is_offered(question: str, does: str) -> None:
    action = read_behind(question, PEBBLE, REEF, DUNE).action
    assert action is not None and action.name == does


def test_engine_compares_and_tells_what_is_offered() -> None:
    compared = read_behind("Compare Pebble and Reef", PEBBLE, REEF, DUNE)
    assert (compared.kind, compared.subjects) == ("compare", ("Pebble", "Reef"))
    assert read_behind("Tell me more about that paper", REEF).papers == (REEF.paper_id,)


def read_behind(question: str, *cited: Paper) -> Query:
    """Read a follow-up of an answer that cites papers."""
    reader = QueryReader(PaperStore.of(SHELF), load_encoder(), lambda: date(2026, 1, 1))
    before = Turn("which papers prune the KV cache", "", tuple(each.paper_id for each in cited))
    return reader.read(question, Overrides(), (before,), None)


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
    assert example_questions(NAMED, ("caches and disks", "sparse attention", "third")) == (
        "Papers on caches and disks",
        "Papers on sparse attention",
        "What does Reef do?",
        "Compare Pebble and Dune",
        "Papers by Ada Quill",
        "The newest papers with code",
    )


def test_collection_without_names_authors_or_code_offers_only_its_topics() -> None:
    assert example_questions((Paper("1", "Untitled work", "Text."),), ("caches",)) == ("Papers on caches",)
    assert example_questions(()) == ()
