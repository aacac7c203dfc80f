"""The Gradio app: its layout, and which function answers which event."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI
from starlette.applications import Starlette

from ui.choice import Choice
from ui.conversation import conversation_place, make_asker
from ui.desk import Desk
from ui.render.page import BRAND, head

_AT_ONCE = 64  # questions under way; the searches among them queue at the desk
_MOST = 256  # questions waiting for one of those


def make_chat(desk: Desk) -> Starlette:
    """Build the app."""
    with gr.Blocks(title="Citedesk", analytics_enabled=False) as blocks:
        gr.HTML(BRAND, js_on_load=None)
        with gr.Tabs(elem_id="cd-tabs"), gr.Tab("Ask", id="ask"):
            _ask_tab(desk)
    blocks.queue(max_size=_MOST, default_concurrency_limit=_AT_ONCE)
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
        head=head(("page.js",)),
    )
    return app


def _ask_tab(desk: Desk) -> None:
    choice = gr.State(Choice())
    conversation = conversation_place()
    asking = conversation.ask(
        make_asker(desk),
        inputs=choice,
        outputs=conversation,
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=_AT_ONCE,
        api_visibility="private",
    )
    conversation.halt(None, cancels=[asking], queue=False, api_visibility="private")
