"""The Gradio app: its tabs, and which function handles which event."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from starlette.applications import Starlette

from ui.ask_tab import conversation_component, make_asker
from ui.browse.tab import browse_tab
from ui.engine_holder import EngineHolder, SessionEndpoints, SessionSettings
from ui.gold_table import gold_table
from ui.html.chat_page import top_line
from ui.last_evaluation import evaluation_to_html
from ui.monitoring.monitor import Monitor
from ui.settings_tab import settings_tab

_SESSIONS = 256  # whose state Gradio keeps: its components take 60 KB, and the last answer 40 KB
POLL_INTERVAL = 0.02  # seconds; Gradio 6.31 looks for events every millisecond, which takes 3 % of a core


def make_chat(
    holder: EngineHolder,
    monitor: Monitor,
    report: Path | None = None,
    endpoints: SessionEndpoints = "any",
    drafts: bool = True,
) -> Starlette:
    """Build the app; `endpoints` says which endpoints a session may name, `drafts` edit drafted questions."""
    with gr.Blocks(title="Citedesk", analytics_enabled=False) as blocks:
        gr.HTML(top_line(), js_on_load=None, apply_default_css=False)
        choice = gr.State(SessionSettings(written=holder.settings.has_endpoint))
        with gr.Tabs(elem_id="cd-tabs"):
            with gr.Tab("Ask"):
                _ask_tab(holder, monitor, choice)
            with gr.Tab("Browse") as browse:
                browse_tab(holder, browse)
            with gr.Tab("Measure") as measure:
                if drafts:
                    gold_table(holder.settings.home, measure)
                _measure_tab(holder, measure, report)
            with gr.Tab("Settings"):
                settings_tab(holder, choice, endpoints)
    blocks.state_session_capacity = _SESSIONS
    blocks.queue(default_concurrency_limit=None)  # Gradio would let questions wait without a word; SearchQueue does not
    blocks._queue.sleep_when_free = POLL_INTERVAL
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
        max_file_size="1kb",  # Gradio's upload route, which ChatRoutes refuses, cannot be left out
    )
    return app


def _ask_tab(holder: EngineHolder, monitor: Monitor, choice: gr.State) -> None:
    conversation = conversation_component()
    asking = conversation.ask(
        make_asker(holder, monitor),
        inputs=choice,
        outputs=conversation,
        show_progress="hidden",
        trigger_mode="multiple",
        api_visibility="private",
    )
    conversation.halt(None, cancels=[asking], queue=False, api_visibility="private")


def _measure_tab(holder: EngineHolder, tab: gr.Tab, report: Path | None) -> None:
    shown = gr.HTML(js_on_load=None, apply_default_css=False)
    tab.select(
        lambda: evaluation_to_html(holder.settings.home, report),
        outputs=shown,
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
