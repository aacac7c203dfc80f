"""The Gradio app: its layout, and which function answers which event."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from starlette.applications import Starlette

from ui.asking import AT_ONCE
from ui.browse.tab import browse_tab
from ui.choice import Choice
from ui.conversation import conversation_place, make_asker
from ui.desk import Desk
from ui.measure import words
from ui.render.page import BRAND, head
from ui.settings_tab import settings_tab

_SESSIONS = 1000  # of which Gradio keeps the state, some 50 KB each
_MOST = 256  # questions waiting for one of those


def make_chat(desk: Desk, report: Path | None = None, endpoints: bool = True) -> Starlette:
    """Build the app; `endpoints` lets a session name an endpoint of its own."""
    with gr.Blocks(title="Citedesk", analytics_enabled=False) as blocks:
        gr.HTML(BRAND, js_on_load=None, apply_default_css=False)
        choice = gr.State(Choice(written=desk.settings.has_endpoint))
        with gr.Tabs(elem_id="cd-tabs"):
            with gr.Tab("Ask"):
                _ask_tab(desk, choice)
            with gr.Tab("Browse") as browse:
                browse_tab(desk, browse)
            with gr.Tab("Measure") as measure:
                _measure_tab(desk, measure, report)
            with gr.Tab("Settings"):
                settings_tab(desk, choice, endpoints)
    blocks.state_session_capacity = _SESSIONS
    blocks.queue(max_size=_MOST, default_concurrency_limit=AT_ONCE)
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


def _ask_tab(desk: Desk, choice: gr.State) -> None:
    place = conversation_place()
    asking = place.ask(
        make_asker(desk),
        inputs=choice,
        outputs=place,
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=AT_ONCE,
        api_visibility="private",
    )
    place.halt(None, cancels=[asking], queue=False, api_visibility="private")


def _measure_tab(desk: Desk, tab: gr.Tab, report: Path | None) -> None:
    place = gr.HTML(js_on_load=None, apply_default_css=False)
    tab.select(
        lambda: words(desk.settings.home, report),
        outputs=place,
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
