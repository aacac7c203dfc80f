from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rag.answer import Relaxation
from rag.generation.extractive import record_line
from rag.index.papers import PaperStore
from rag.query.names import LibraryNames, paper_called
from rag.retrieval.catalogue import matching, unmet, unnamed, unrecorded
from rag.types import Evidence, Filters, Paper, Query

PAPERS = {
    paper.paper_id: paper
    for paper in (
        Paper("a", "Pebble: Small Caches", "Text.", date="2024-03-05", authors=("Ada Quill",), authors_complete=True),
        Paper(
            "b", "Dune: Robots on Sand", "Text.", date="2022", authors=("Bo Tanaka", "Ada Quill"), code="https://x.y"
        ),
        Paper("c", "Qubits for Everyone", "Text.", authors=("Ada Quill",), venue="QIP 2018"),
        Paper("d", "Reef: Caches on Disk", "Text.", date="2024-03", author_count=12),
        Paper("e", "Slate", "Text.", date="2022", venue="ICML 2022"),
    )
}
STORE = PaperStore.of(PAPERS.values())
NAMES = LibraryNames(STORE)


def relaxations(filters: Filters) -> tuple[Relaxation, ...]:
    return unmet(Query("Which?", "list", "", filters), STORE, NAMES)


def found(**values: Any) -> list[str]:
    return [paper.paper_id for paper in matching(Query("Which?", "metadata", "", **values), STORE, NAMES)]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (Filters(), ["b", "e", "d", "a", "c"]),
        (Filters(author="Ada Quill"), ["b", "a", "c"]),
        (Filters(author="Ada Quill", since="2023"), ["a"]),
        (Filters(since="2024"), ["d", "a"]),
        (Filters(until="2022"), ["b", "e"]),
        (Filters(since="2024-03-05"), ["a"]),
        (Filters(code=True), ["b"]),
        (Filters(venue="ICML"), ["e"]),
        (Filters(least_authors=10), ["d"]),
        (Filters(most_authors=1), ["a"]),
        (Filters(author="Cem Osei"), []),
    ],
)
def test_exactly_the_papers_that_meet_the_constraints_are_listed_by_date(filters: Filters, ids: list[str]) -> None:
    assert found(filters=filters) == ids


def test_order_decides_which_date_comes_first_and_undated_papers_come_last() -> None:
    assert found(order="newest") == ["a", "d", "b", "e", "c"]
    assert found(order="oldest") == ["b", "e", "d", "a", "c"]


def test_so_many_of_the_newest_or_oldest_are_never_undated() -> None:
    assert found(order="newest", count=1) == ["a"]
    assert found(order="oldest", count=2) == ["b", "e"]
    assert found(order="oldest", count=9) == ["b", "e", "d", "a"]
    assert found(order="newest", count=1, filters=Filters(venue="QIP")) == []


def test_papers_that_are_named_are_the_only_ones_and_in_the_order_asked_for() -> None:
    assert found(subjects=("Pebble", "Dune")) == ["b", "a"]
    assert found(subjects=("Dune", "Pebble", "Pebble"), order="newest") == ["a", "b"]
    assert found(subjects=("Dune", "Pebble"), order="oldest", count=1) == ["b"]
    assert found(subjects=("Pebble", "Qubits for Everyone")) == ["a", "c"]
    assert found(subjects=("Pebble", "Dune"), filters=Filters(code=True)) == ["b"]


def test_names_that_no_paper_has_are_left_out_and_told() -> None:
    query = Query("Which?", "metadata", "", subjects=("Dune", "Marble", "Quarry"))
    assert [paper.paper_id for paper in matching(query, STORE, NAMES)] == ["b"]
    assert unnamed(query, STORE) == ("Marble", "Quarry")
    assert matching(Query("Which?", "metadata", "", subjects=("Marble",)), STORE, NAMES) == ()


def test_each_constraint_is_lifted_alone_to_count_what_meets_the_others() -> None:
    filters = Filters(since="2023", author="Quill", code=True)
    assert relaxations(filters) == (
        Relaxation("since", 1),
        Relaxation("author", 0),
        Relaxation("code", 1),
    )
    both = Filters(least_authors=2, most_authors=3, venue="ICML")
    assert relaxations(both) == (Relaxation("author_count", 1), Relaxation("venue", 0))
    assert relaxations(Filters()) == ()


@pytest.mark.parametrize(
    ("paper", "line"),
    [
        (PAPERS["a"], "- Pebble: Small Caches (2024-03-05, 1 author) [3]"),
        (PAPERS["b"], "- Dune: Robots on Sand (2022, with code) [3]"),
        (PAPERS["c"], "- Qubits for Everyone (no date, QIP 2018) [3]"),
        (PAPERS["d"], "- Reef: Caches on Disk (2024-03, 12 authors) [3]"),
    ],
)
def test_record_says_what_is_known_of_a_paper_and_nothing_else(paper: Paper, line: str) -> None:
    assert record_line(Query("?", "metadata", ""), Evidence(3, paper, ())) == line


def test_count_without_an_order_bounds_what_is_listed() -> None:
    dates = ("2024-01-02", "2024-01", "2024-01-02", "2024-01-02", "2023")
    papers = PaperStore.of(Paper(f"p{n}", f"Title {n}", "x", date=date) for n, date in enumerate(dates))
    query = Query("q", "metadata", "", count=3)
    assert [paper.paper_id for paper in matching(query, papers, LibraryNames(papers))] == ["p4", "p1", "p0"]


def test_constraint_on_what_no_record_holds_is_unrecorded() -> None:
    papers = [Paper("a", "A", "A.", authors=("Ada Quill",)), Paper("b", "B", "B.", venue="ICML 2023")]
    asked = Query("q", "metadata", "", Filters(code=False, author="Bo Tanaka", venue="ICML"))
    assert unrecorded(asked, PaperStore.of(papers)) == ("code",)
    coded = PaperStore.of([replace(papers[0], code="https://example.org/c")])
    assert unrecorded(replace(asked, filters=Filters(code=True)), coded) == ()
    assert unrecorded(Query("q", "metadata", "", tally="organisation"), coded) == ("organisation",)


def test_paper_is_called_by_a_name_that_it_alone_introduces() -> None:
    papers = [
        Paper("a", "Small Caches", "We propose Pebble, a cache."),
        Paper("b", "On Caches", "We compare Pebble with Reef."),
    ]
    assert paper_called("Pebble", PaperStore.of(papers)) == "a"
    assert paper_called("pebble", PaperStore.of(papers)) is None
    assert paper_called("Reef", PaperStore.of(papers)) is None
    twice = PaperStore.of([*papers, replace(papers[0], paper_id="c", title="Other Caches")])
    assert paper_called("Pebble", twice) is None
