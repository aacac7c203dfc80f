"""The Gradio app: its layout, and which function answers which event."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from starlette.applications import Starlette

from ui.browse.tab import browse_tab
from ui.conversation import conversation_place, make_asker
from ui.engine_holder import EngineHolder, SessionSettings
from ui.measure import words
from ui.questions import MAX_CONCURRENT
from ui.render.page import BRAND, head
from ui.settings_tab import settings_tab

_SESSIONS = 1000  # of which Gradio keeps the state, some 50 KB each
_MOST = 256  # questions waiting for one of those


def make_chat(holder: EngineHolder, report: Path | None = None, endpoints: bool = True) -> Starlette:
    """Build the app; `endpoints` lets a session name an endpoint of its own."""
    with gr.Blocks(title="Citedesk", analytics_enabled=False) as blocks:
        gr.HTML(BRAND, js_on_load=None, apply_default_css=False)
        choice = gr.State(SessionSettings(written=holder.settings.writes))
        with gr.Tabs(elem_id="cd-tabs"):
            with gr.Tab("Ask"):
                _ask_tab(holder, choice)
            with gr.Tab("Browse") as browse:
                browse_tab(holder, browse)
            with gr.Tab("Measure") as measure:
                _measure_tab(holder, measure, report)
            with gr.Tab("Settings"):
                settings_tab(holder, choice, endpoints)
    blocks.state_session_capacity = _SESSIONS
    blocks.queue(max_size=_MOST, default_concurrency_limit=MAX_CONCURRENT)
    app: Starlette = gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        blocks,
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        max_file_size="1kb",  # nothing here takes files, and the route that does cannot be left out
        head=head(("page.js",)),
    )
    return app


def _ask_tab(holder: EngineHolder, choice: gr.State) -> None:
    place = conversation_place()
    asking = place.ask(
        make_asker(holder),
        inputs=choice,
        outputs=place,
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=MAX_CONCURRENT,
        api_visibility="private",
    )
    place.halt(None, cancels=[asking], queue=False, api_visibility="private")


def _measure_tab(holder: EngineHolder, tab: gr.Tab, report: Path | None) -> None:
    place = gr.HTML(js_on_load=None, apply_default_css=False)
    tab.select(
        lambda: words(holder.settings.home, report),
        outputs=place,
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
