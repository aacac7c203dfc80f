"""The Settings tab: how one session's questions are answered. Nothing of it outlives the session."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.errors import CitedeskError
from rag.settings import Settings
from rag.text.display import format_count
from ui.engine_holder import EngineHolder, SessionEndpoints, SessionSettings
from ui.html.markup import text

_SECONDS = 10  # in which an endpoint must list its models
_ANSWERS = [
    ("In the papers' own words (extractive)", "extractive"),
    ("Written by a model, each sentence checked", "written"),
]
_DEPTHS = [("Thorough: a cross-encoder reads the best papers", "thorough"), ("Fast: a quarter of the time", "fast")]


def settings_tab(holder: EngineHolder, choice: gr.State, endpoints: SessionEndpoints) -> None:
    """Build the tab; `endpoints` says which endpoints a session may name."""
    chooser = _Chooser(holder.settings, endpoints)
    first = SessionSettings(written=holder.settings.has_endpoint)
    with gr.Column(elem_classes="cd-settings"):
        message = gr.HTML(choice_to_html(first, holder.settings), js_on_load=None, apply_default_css=False)
        answers = gr.Radio(_ANSWERS, value="written" if first.written else "extractive", label="Answers")
        depth = gr.Radio(_DEPTHS, value="thorough", label="Depth of the search")
        with gr.Group(visible=endpoints != "none"):
            base_url, key, model, list_models = _endpoint_fields(holder.settings)
        apply = gr.Button("Use these settings", variant="primary")
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    inputs = [choice, answers, depth, base_url, key, model]
    apply.click(chooser.use, inputs, [choice, message, key], **hidden)
    list_models.click(chooser.look, inputs, [model, message], **hidden)


def _endpoint_fields(settings: Settings) -> tuple[gr.Textbox, gr.Textbox, gr.Dropdown, gr.Button]:
    base_url = gr.Textbox(
        label="Endpoint",
        info="OpenAI-compatible, as in http://127.0.0.1:8080/v1. Empty: the server's own, if any.",
        placeholder=settings.llm_base_url or "none is set",
        max_length=500,
    )
    key = gr.Textbox(
        label="Key",
        info="Kept in memory on the server for this session, and sent to this endpoint only.",
        type="password",
        max_length=500,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )
    model = gr.Dropdown(
        [settings.llm_model] if settings.llm_model else [],
        value=settings.llm_model,
        label="Model",
        info="As the endpoint names it; “List models” asks it.",
        allow_custom_value=True,
    )
    return base_url, key, model, gr.Button("List models", variant="secondary")


class _Chooser:
    """Handles the tab's buttons."""

    def __init__(self, settings: Settings, endpoints: SessionEndpoints) -> None:
        self._settings = settings
        self._endpoints = endpoints

    def use(self, before: SessionSettings, *values: Any) -> tuple[SessionSettings, str, Any]:
        """Apply the fields; the key's field is emptied on success."""
        after, settings = self._chosen(before, *values), self._settings
        if after.written and not _named(after, settings):
            return before, failure_to_html("Written answers need an endpoint and a model: enter both."), gr.skip()
        try:
            after.applied_to(settings)
        except CitedeskError as error:
            return before, failure_to_html(str(error)), gr.skip()
        return after, choice_to_html(after, self._settings), ""

    def look(self, before: SessionSettings, *values: Any) -> tuple[Any, str]:
        """Fill the drop-down with the models that the endpoint lists."""
        after = replace(self._chosen(before, *values), written=True)
        if not (after.base_url or self._settings.llm_base_url):
            return gr.skip(), failure_to_html("No endpoint is set: enter its address first.")
        try:
            found = list_of_models(after.applied_to(self._settings))
        except CitedeskError as error:
            return gr.skip(), failure_to_html(str(error))
        if not found:
            return gr.skip(), failure_to_html("The endpoint lists no models: enter a name.")
        value = after.model if after.model in found else found[0]
        return gr.update(choices=list(found), value=value), choice_to_html(before, self._settings, len(found))

    def _chosen(
        self, before: SessionSettings, answers: str, depth: str, base_url: str, key: str, model: str | None
    ) -> SessionSettings:
        if self._endpoints == "none":  # a client may send anything
            return SessionSettings(answers == "written", thorough=depth == "thorough")
        address = base_url.strip() or None
        kept = before.api_key if address == before.base_url else None
        return SessionSettings(
            answers == "written",
            address,
            (model or "").strip() or None,
            key.strip() or kept,
            depth == "thorough",
            self._endpoints,
        )


def _named(choice: SessionSettings, settings: Settings) -> bool:
    """Return whether an endpoint and a model are set; the server's model does not count for another endpoint."""
    if choice.base_url in (None, settings.llm_base_url):
        return bool(settings.llm_base_url and (choice.model or settings.llm_model))
    return choice.model is not None


def list_of_models(settings: Settings) -> tuple[str, ...]:
    """Return the names of the endpoint's models; raises LLMFailed."""
    from rag.llm.client import get_json
    from rag.llm.probe import model_names

    return model_names(get_json(settings, "models", time.monotonic() + _SECONDS))


def choice_to_html(choice: SessionSettings, settings: Settings, listed: int | None = None) -> str:
    """Return how this session's questions are answered; `listed` is how many models the endpoint has just listed."""
    if choice.written and (choice.base_url or settings.llm_base_url):
        model, address = choice.model or settings.llm_model or "", choice.base_url or settings.llm_base_url or ""
        key = ", with the key you entered" if choice.api_key else ""
        answers = f"written by {text(model)} at {text(address)}{key}"
    else:
        answers = "in the papers’ own words"
    depth = "thorough" if choice.thorough else "fast"
    found = f"<p>The endpoint lists {format_count(listed, 'model')}: choose one.</p>" if listed else ""
    return (
        f'<div class="cd-chosen" role="status"><p>Answers are <strong>{answers}</strong>; the search is '
        f"<strong>{depth}</strong>. This holds for this page until it is closed or reloaded.</p>{found}</div>"
    )


def failure_to_html(message: str) -> str:
    """Return one line on what failed."""
    return f'<p class="cd-error" role="alert">{text(message)}</p>'
