"""Instant search, facets and more like this."""

from __future__ import annotations

import numpy as np
import pytest

from rag.index.bm25 import Bm25Index
from rag.index.library import Library
from rag.types import Paper
from tests.fakes import DUNE, PEBBLE, QUBITS, REEF, SHELF
from ui.browse.facets import Selection, facets, selected, selection_from_query
from ui.browse.find import InstantSearch
from ui.browse.similar import similar

TOPICS = {PEBBLE.paper_id: 0, REEF.paper_id: 0, DUNE.paper_id: 1, QUBITS.paper_id: 1}
UNDATED = Paper("x", "Undated", "Nothing is known.")


def found(text: str) -> list[str]:
    scores = InstantSearch(SHELF, Bm25Index.build(SHELF)).scores(text)
    assert scores is not None
    return sorted(scores, key=lambda paper_id: -scores[paper_id])


def test_beginning_of_a_title_or_an_author_is_enough() -> None:
    assert found("du") == [DUNE.paper_id]
    assert found("tana") == [PEBBLE.paper_id]
    assert sorted(found("Quill")) == [QUBITS.paper_id, PEBBLE.paper_id]


def test_words_of_the_abstract_are_found() -> None:
    assert found("mitigation") == [QUBITS.paper_id]


def test_all_words_must_fit_where_a_paper_has_them_all() -> None:
    assert found("caches disk") == [REEF.paper_id]
    assert sorted(found("disk dunes")) == [DUNE.paper_id, REEF.paper_id]


@pytest.mark.parametrize("text", ["", " ", "a", "((*+?[", "\x00", "—"])
def test_too_little_narrows_nothing_down(text: str) -> None:
    assert InstantSearch(SHELF, Bm25Index.build(SHELF)).scores(text) is None


@pytest.mark.parametrize("text", ["zz" * 100_000, "\ud800 zz", "مرحبا", "zz%{}", "zz\U0010ffff"])
def test_hostile_text_finds_nothing(text: str) -> None:
    assert found(text) == []


def test_accents_and_case_do_not_matter() -> None:
    assert found("PÉBBLE") == [PEBBLE.paper_id]


def titles(selection: Selection, scores: dict[str, float] | None = None) -> list[str]:
    papers = selected((*SHELF, UNDATED), TOPICS, selection, scores)
    return [paper.title.split(":")[0] for paper in papers]


def test_papers_are_sorted_as_asked() -> None:
    assert titles(Selection()) == ["Reef", "Pebble", "Dune", "Qubits for Everyone", "Undated"]
    assert titles(Selection(sort="oldest")) == ["Qubits for Everyone", "Dune", "Pebble", "Reef", "Undated"]
    assert titles(Selection(sort="title")) == ["Dune", "Pebble", "Qubits for Everyone", "Reef", "Undated"]
    assert titles(Selection(), {DUNE.paper_id: 2.0, REEF.paper_id: 1.0}) == ["Dune", "Reef"]
    assert titles(Selection(sort="newest"), {DUNE.paper_id: 2.0, REEF.paper_id: 1.0}) == ["Reef", "Dune"]


def test_values_of_one_facet_add_up_and_facets_narrow_down() -> None:
    assert titles(Selection(years=("2024", "2018"))) == ["Reef", "Pebble", "Qubits for Everyone"]
    assert titles(Selection(years=("2024",), code=True)) == ["Pebble"]
    assert titles(Selection(years=("no date",))) == ["Undated"]
    assert titles(Selection(topics=(1,))) == ["Dune", "Qubits for Everyone"]


def test_facet_counts_what_is_left_by_the_other_facets() -> None:
    counted = facets((*SHELF, UNDATED), TOPICS, Selection(years=("2024",), topics=(0,)))
    assert counted.years == (("2024", 2), ("2023", 0), ("2018", 0), ("no date", 0))
    assert counted.topics == ((0, 2), (1, 0))
    assert counted.with_code == 1


def test_selection_survives_an_address() -> None:
    selection = Selection('a&b="<ü>', ("2024", "no date"), (0, 3), True, "oldest")
    assert selection_from_query(selection.to_query()) == selection
    assert selection_from_query("topic=x&sort=worst&topic=2") == Selection(topics=(2,))
    assert selection_from_query("text=caches" + "&year=2024" * 500) == Selection()
    assert selection_from_query(Selection("\ud800").to_query()).text == "?"


def test_nearest_papers_come_first_and_not_the_paper_itself() -> None:
    vectors = {name: np.array(row, np.float32) for name, row in (("a", [1, 0]), ("b", [0, 1]), ("c", [0.8, 0.6]))}
    assert [each.paper_id for each in similar("a", vectors)] == ["c", "b"]
    assert [each.paper_id for each in similar("a", vectors, count=1)] == ["c"]
    assert similar("unknown", vectors) == ()


def test_papers_on_caches_are_alike(shelf: Library) -> None:
    assert similar(PEBBLE.paper_id, shelf.vectors.paper_vectors())[0].paper_id == REEF.paper_id
