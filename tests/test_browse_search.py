"""Instant search, facets and more like this."""

from __future__ import annotations

import numpy as np
import pytest

from rag.index.bm25 import Bm25Index
from rag.index.library import Library
from rag.types import Paper
from tests.fakes import DUNE, PEBBLE, QUBITS, REEF, SHELF
from ui.browse.collection import nearest
from ui.browse.facets import BrowseQuery, browse_query_from_url, count_facets, filter_and_sort
from ui.browse.instant_search import InstantSearch

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


def titles(selection: BrowseQuery, scores: dict[str, float] | None = None) -> list[str]:
    papers = filter_and_sort((*SHELF, UNDATED), TOPICS, selection, scores)
    return [paper.title.split(":")[0] for paper in papers]


def test_papers_are_sorted_as_asked() -> None:
    assert titles(BrowseQuery()) == ["Reef", "Pebble", "Dune", "Qubits for Everyone", "Undated"]
    assert titles(BrowseQuery(sort="oldest")) == ["Qubits for Everyone", "Dune", "Pebble", "Reef", "Undated"]
    assert titles(BrowseQuery(sort="title")) == ["Dune", "Pebble", "Qubits for Everyone", "Reef", "Undated"]
    assert titles(BrowseQuery(), {DUNE.paper_id: 2.0, REEF.paper_id: 1.0}) == ["Dune", "Reef"]
    assert titles(BrowseQuery(sort="newest"), {DUNE.paper_id: 2.0, REEF.paper_id: 1.0}) == ["Reef", "Dune"]


def test_values_of_one_facet_add_up_and_facets_narrow_down() -> None:
    assert titles(BrowseQuery(years=("2024", "2018"))) == ["Reef", "Pebble", "Qubits for Everyone"]
    assert titles(BrowseQuery(years=("2024",), code=True)) == ["Pebble"]
    assert titles(BrowseQuery(years=("no date",))) == ["Undated"]
    assert titles(BrowseQuery(topics=(1,))) == ["Dune", "Qubits for Everyone"]


def test_facet_counts_what_is_left_by_the_other_facets() -> None:
    counted = count_facets((*SHELF, UNDATED), TOPICS, BrowseQuery(years=("2024",), topics=(0,)))
    assert counted.years == (("2024", 2), ("2023", 0), ("2018", 0), ("no date", 0))
    assert counted.topics == ((0, 2), (1, 0))
    assert counted.with_code == 1


def test_selection_survives_an_address() -> None:
    selection = BrowseQuery('a&b="<ü>', ("2024", "no date"), (0, 3), True, "oldest")
    assert browse_query_from_url(selection.to_url_query()) == selection
    assert browse_query_from_url("topic=x&sort=worst&topic=2") == BrowseQuery(topics=(2,))
    assert browse_query_from_url("text=caches" + "&year=2024" * 500) == BrowseQuery()
    assert browse_query_from_url(BrowseQuery("\ud800").to_url_query()).text == "?"


def test_nearest_papers_come_first_and_not_the_paper_itself() -> None:
    vectors = {name: np.array(row, np.float32) for name, row in (("a", [1, 0]), ("b", [0, 1]), ("c", [0.8, 0.6]))}
    assert [each.paper_id for each in nearest("a", vectors)] == ["c", "b"]
    assert [each.paper_id for each in nearest("a", vectors, count=1)] == ["c"]
    assert nearest("unknown", vectors) == ()


def test_papers_on_caches_are_alike(shelf: Library) -> None:
    assert nearest(PEBBLE.paper_id, shelf.vectors.paper_vectors())[0].paper_id == REEF.paper_id
