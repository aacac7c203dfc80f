"""The Browse tab's list, its routes, and what its events give."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import gradio as gr
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rag.engine import Engine
from rag.errors import IndexMissing
from rag.index.library import Library
from rag.types import Paper
from tests.fakes import DUNE, PEBBLE, QUBITS, SHELF, hash_library, hash_models, hash_settings
from ui.browse.collection import load_collection
from ui.browse.facets import BrowseQuery
from ui.browse.results import (
    first_authors,
    linked_rows,
    matching_points,
    paper_to_html,
    results_to_html,
)
from ui.browse.routes import browse_routes
from ui.browse.tab import _Browser, browse_tab
from ui.engine_holder import EngineHolder

HOSTILE = Paper('a/b?c#d"<i>', '<script>alert("x")</script>\u202e', "Text.", authors=("<b>Eve</b>",))


class SmallDesk:
    def __init__(self, library: Library | None) -> None:
        self._library = library

    def engine(self, timeout: float | None = None) -> Engine:
        if self._library is None:
            raise IndexMissing("No index in /x. Run `citedesk index` to build it.")
        return Engine(hash_settings(Path("unused")), self._library, hash_models())


def client(library: Library | None) -> TestClient:
    return TestClient(Starlette(routes=browse_routes(SmallDesk(library))))


def test_list_shows_a_page_and_offers_the_next() -> None:
    papers = [replace(DUNE, paper_id=str(n)) for n in range(120)]
    html = results_to_html(papers, BrowseQuery("sand"), {}, "all", 372, start=50)
    assert "120 papers of 372, 100 shown" in html
    assert html.count('class="cd-paper"') == 50
    assert 'data-query="text=sand&amp;sort=best" data-from="100">Show 20 more' in html
    assert "Show" not in results_to_html(papers, BrowseQuery(), {}, "all", 120, start=100)


def test_empty_list_says_what_to_do() -> None:
    assert "Remove a filter, or type fewer words." in results_to_html([], BrowseQuery("zz"), {}, "none", 4)


def test_nothing_of_a_hostile_paper_is_markup() -> None:
    html = results_to_html([HOSTILE], BrowseQuery(), {HOSTILE.paper_id: "<u>"}, "all", 1)
    assert [part for part in ("<script", "<b>", "<i>", "<u>", "\u202e") if part in html] == []
    assert "&lt;i&gt;" in html


def test_first_authors_are_named_and_the_others_counted() -> None:
    assert first_authors(PEBBLE) == "Ada Quill, Bo Tanaka"
    assert first_authors(QUBITS) == "Ada Quill, Dora Lind and 1 more"
    assert first_authors(replace(DUNE, authors_complete=False)) == "Cem Osei and others"


def test_map_is_told_what_was_found() -> None:
    places = {PEBBLE.paper_id: 1, DUNE.paper_id: 0}
    assert matching_points([PEBBLE], places) == "1"
    assert matching_points([DUNE, PEBBLE], places) == "all"
    assert matching_points([], places) == "none"


def test_routes_give_a_card_with_papers_like_it(shelf: Library) -> None:
    html = client(shelf).get("/browse/paper/2401.00001?as=browse-7").text
    assert 'id="browse-7"' in html
    assert html.count('class="cd-paper"') == 3
    assert 'id="browse-paper"' in client(shelf).get('/browse/paper/2401.00001?as="><script>').text


def test_id_with_slashes_is_found(tmp_path: Path) -> None:
    library = hash_library(tmp_path, [*SHELF, HOSTILE, replace(QUBITS, paper_id="math/0309136")])
    answers = client(library)
    assert answers.get("/browse/paper/math%2F0309136").status_code == 200
    hostile = answers.get("/browse/paper/a%2Fb%3Fc%23d%22%3Ci%3E")
    assert hostile.status_code == 200
    assert "<script" not in hostile.text
    library.close()


def test_unknown_paper_and_missing_index_are_one_line(shelf: Library) -> None:
    gone, broken = client(shelf).get("/browse/paper/nothing"), client(None).get("/browse/papers")
    assert (gone.status_code, broken.status_code) == (404, 503)
    assert "There is no such paper any more." in gone.text
    assert "No index in /x. Run `citedesk index` to build it." in broken.text


def test_papers_that_are_asked_for_before_the_index_is_loaded_hold_no_thread(tmp_path: Path) -> None:
    holder = EngineHolder(hash_settings(tmp_path))  # not started
    answer = TestClient(Starlette(routes=browse_routes(holder))).get("/browse/papers")
    assert answer.status_code == 503
    assert "still being loaded" in answer.text


def test_further_papers_follow_the_selection(shelf: Library) -> None:
    html = client(shelf).get("/browse/papers?text=caches&year=2024&sort=title&from=1").text
    assert "2 papers of 4, 2 shown" in html
    assert html.count('class="cd-paper"') == 1
    assert client(shelf).get("/browse/papers?from=x").status_code == 200


def test_collection_is_built_once_for_a_generation(shelf: Library) -> None:
    assert load_collection(shelf) is load_collection(shelf)


def test_first_selection_fills_and_the_next_leaves_alone(shelf: Library) -> None:
    browser = _Browser(SmallDesk(shelf))
    controls = ("", [], [], False, "best")
    generation, chart, results, years, _, code = browser.fill("", *controls)
    assert generation == shelf.manifest.generation
    assert chart.count('class="cd-point"') == 4
    assert "4 papers, 4 shown" in results
    assert years["choices"] == [("2024 (2)", "2024"), ("2023 (1)", "2023"), ("2018 (1)", "2018")]
    assert code["label"] == "With code (1)"
    assert browser.fill(generation, *controls) == (gr.skip(),) * 6


def test_another_generation_forgets_topics_and_years(shelf: Library) -> None:
    shown = _Browser(SmallDesk(shelf)).show("another", "", ["1999"], ["7"], False, "best")
    assert "4 papers, 4 shown" in shown[2]
    assert (shown[3]["value"], shown[4]["value"]) == ([], [])


def test_failure_is_one_line_in_the_list() -> None:
    shown = _Browser(SmallDesk(None)).fill("", "", [], [], False, "best")
    assert "No index in /x. Run `citedesk index` to build it." in shown[2]


async def tab(library: Library) -> gr.Blocks:
    """Build the tab where an event loop runs: without one gradio 6.31 makes two and leaves them open."""
    with gr.Blocks() as blocks, gr.Tab("Browse") as place:
        browse_tab(SmallDesk(library), place)
    return blocks


def test_tab_has_labels_and_no_public_event(shelf: Library) -> None:
    blocks = asyncio.run(tab(shelf))
    labels = {getattr(block, "label", None) for block in blocks.blocks.values()}
    assert {"Search the papers", "Order", "With code", "Year", "Topic", "Papers found"} <= labels
    assert [event.api_visibility for event in blocks.fns.values()] == ["private", "private"]


def test_a_card_lists_the_papers_that_are_linked_by_name(tmp_path: Path) -> None:
    cache = Paper("cache", "QuickPebble: Caches", "We propose QuickPebble, a cache.", date="2021")
    faster = Paper("faster", "Fast Caches", "We extend QuickPebble.", date="2022")
    collection = load_collection(hash_library(tmp_path, [cache, faster]))
    assert [(row["paper"].paper_id, row["beside"]) for row in linked_rows(collection, "cache")] == [
        ("faster", "builds on QuickPebble")
    ]
    card = paper_to_html(collection, "faster", "card")
    assert card is not None and "this paper builds on its QuickPebble" in card
