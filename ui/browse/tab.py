"""The Browse tab's Gradio components and events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from rag.errors import CitedeskError
from ui.browse.collection import Collection, load_collection
from ui.browse.facets import BrowseQuery, as_sort
from ui.browse.results import code_label, find_papers, notice_to_html, topic_choices, year_choices
from ui.browse.topic_map import map_to_html
from ui.engine_holder import EngineHolder

_ORDERS = [("Best match, then newest", "best"), ("Newest", "newest"), ("Oldest", "oldest"), ("Title", "title")]
_WAIT = "The index and the models are loading. The papers will appear here."
_AT_ONCE = 4  # sessions that wait for the first papers at a time, each in a thread; the others queue
_PLAIN: Any = {"apply_default_css": False, "padding": False, "js_on_load": None}  # the look is ours

Updates = tuple[Any, ...]


def browse_tab(holder: EngineHolder, tab: gr.Tab) -> None:
    """Add the controls, the list and the map to a tab; they are filled when it is first selected."""
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            text = gr.Textbox(label="Search the papers", placeholder="Title, author or words", max_lines=1)
            sort = gr.Dropdown(_ORDERS, value="best", label="Order", filterable=False)
            code = gr.Checkbox(label="With code")
            years = gr.CheckboxGroup(label="Year", elem_classes="cd-facet")
            topics = gr.CheckboxGroup(label="Topic", elem_classes="cd-facet cd-facet-topics")
        with gr.Column(scale=3, min_width=320, elem_classes="cd-browse-found"), gr.Tabs():
            with gr.Tab("List"):
                results = gr.HTML(notice_to_html(_WAIT, "wait"), label="Papers found", **_PLAIN)
            with gr.Tab("Map"):
                chart = gr.HTML(notice_to_html(_WAIT, "wait"), label="Map of the collection", **_PLAIN)
    generation = gr.State("")
    browser = _Browser(holder)
    controls, format_count = [text, years, topics, code, sort], [results, years, topics, code]
    gr.on(
        # Gradio 6.31's Textbox has no `input` when it is emptied.
        [text.change, *(each.input for each in (years, topics, code, sort))],
        browser.show,
        [generation, *controls],
        [generation, chart, *format_count],
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    tab.select(
        browser.fill,
        [generation, *controls],
        [generation, chart, *format_count],
        show_progress="hidden",
        concurrency_limit=_AT_ONCE,
        api_visibility="private",
    )


class _Browser:
    """Turns the controls' values into what is shown; holds no state of a session."""

    def __init__(self, holder: EngineHolder) -> None:
        self._holder = holder

    def fill(self, generation: str, *controls: Any) -> Updates:
        """Show the papers unless those of this generation are shown already."""
        return self._shown(generation, controls, refresh=False)

    def show(self, generation: str, *controls: Any) -> Updates:
        """Show what the controls ask for."""
        return self._shown(generation, controls, refresh=True)

    def _shown(self, generation: str, controls: Sequence[Any], refresh: bool) -> Updates:
        try:
            collection = load_collection(self._holder.engine().library)
        except CitedeskError as error:
            return (gr.skip(), gr.skip(), notice_to_html(str(error), "error"), *([gr.skip()] * 3))
        if generation == collection.generation:
            if not refresh:
                return tuple([gr.skip()] * 6)
            return (gr.skip(), gr.skip(), *_found(collection, _query(*controls)))
        text, *_, code, sort = controls
        # A topic's number and a year mean something else, or nothing, in another generation.
        fresh = _found(collection, _query(text, (), (), code, sort))
        return (collection.generation, map_to_html(collection.atlas, collection.papers), *fresh)


def _query(text: str | None, years: Sequence[str], topics: Sequence[str], code: bool, sort: str) -> BrowseQuery:
    return BrowseQuery(
        text=text or "",
        years=tuple(years),
        topics=tuple(int(topic) for topic in topics),
        code=bool(code),
        sort=as_sort(sort),
    )


def _found(collection: Collection, query: BrowseQuery) -> Updates:
    """Return the results, and the facets with new counts."""
    shown = find_papers(collection, query)
    return (
        shown.html,
        gr.update(choices=year_choices(shown.facets), value=list(query.years)),
        gr.update(choices=topic_choices(collection, shown.facets), value=[str(each) for each in query.topics]),
        gr.update(label=code_label(shown.facets)),
    )
