"""The Settings tab: what one session chooses for its answers. Nothing of it outlives the session."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.errors import CitedeskError
from rag.settings import Settings
from ui.choice import Choice
from ui.desk import Desk
from ui.render.choice import choice_to_html, failure_to_html

_SECONDS = 10  # in which an endpoint must list its models
_ANSWERS = [
    ("In the papers' own words (extractive)", "extractive"),
    ("Written by a model, each sentence checked", "written"),
]
_DEPTHS = [("Thorough: a cross-encoder reads the best papers", "thorough"), ("Fast: a tenth of the time", "fast")]


def settings_tab(desk: Desk, choice: gr.State, endpoints: bool) -> None:
    """Lay out the tab; where not `endpoints`, the server's own endpoint is the only one."""
    first = Choice(written=desk.settings.writes)
    with gr.Column(elem_classes="cd-settings"):
        said = gr.HTML(choice_to_html(first, desk.settings), js_on_load=None, apply_default_css=False)
        answers = gr.Radio(_ANSWERS, value="written" if first.written else "extractive", label="Answers")
        depth = gr.Radio(_DEPTHS, value="thorough", label="Depth of the search")
        with gr.Group(visible=endpoints):
            base_url = gr.Textbox(
                label="Endpoint",
                info="OpenAI-compatible, as in http://127.0.0.1:8080/v1. Empty: the server's own, if it has one.",
                placeholder=desk.settings.llm_base_url or "none is set",
                max_length=500,
            )
            key = gr.Textbox(
                label="Key",
                info="Stays in this session's memory on the server, and goes to this endpoint alone.",
                type="password",
                max_length=500,
                html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
            )
            model = gr.Dropdown(
                [desk.settings.llm_model] if desk.settings.llm_model else [],
                value=desk.settings.llm_model,
                label="Model",
                info="As the endpoint names it; “List models” asks it for the names.",
                allow_custom_value=True,
            )
            list_models = gr.Button("List models", variant="secondary")
        apply = gr.Button("Use these settings", variant="primary")

    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

    def chosen(before: Choice, answers: str, depth: str, base_url: str, key: str, model: str | None) -> Choice:
        address = base_url.strip() or None
        kept = before.api_key if address == before.base_url else None
        name = (model or "").strip() or None
        return Choice(answers == "written", address, name, key.strip() or kept, depth == "thorough")

    def use(before: Choice, *values: Any) -> tuple[Choice, str, str]:
        after = chosen(before, *values)
        try:
            settings = after.applied_to(desk.settings)
        except CitedeskError as error:
            return before, failure_to_html(str(error)), ""
        if after.written and not settings.writes:
            return before, failure_to_html("Written answers need an endpoint and a model: name both."), ""
        return after, choice_to_html(after, desk.settings), ""

    def look(before: Choice, *values: Any) -> tuple[Any, str]:
        after = chosen(before, *values)
        try:
            found = list_of_models(replace(after, model=after.model or "any").applied_to(desk.settings))
        except CitedeskError as error:
            return gr.skip(), failure_to_html(str(error))
        if not found:
            return gr.skip(), failure_to_html("The endpoint lists no models: type the name of one.")
        value = after.model if after.model in found else found[0]
        return gr.update(choices=list(found), value=value), choice_to_html(before, desk.settings, len(found))

    inputs = [choice, answers, depth, base_url, key, model]
    apply.click(use, inputs, [choice, said, key], **hidden)
    list_models.click(look, inputs, [model, said], **hidden)


def list_of_models(settings: Settings) -> tuple[str, ...]:
    """Ask the endpoint for its models' names; raises LLMFailed, or UsageError where none is set."""
    from rag.endpoint.pages import Pages
    from rag.endpoint.served import names
    from rag.errors import UsageError

    if not settings.llm_base_url:
        raise UsageError("No endpoint is set: type its address first.")
    return names(Pages(settings, time.monotonic() + _SECONDS).get("models"))
