"""A session's choice in words (pure)."""

from __future__ import annotations

from rag.settings import Settings
from rag.text.latex import counted
from ui.engine_holder import SessionSettings
from ui.render.markup import text


def choice_to_html(choice: SessionSettings, settings: Settings, listed: int | None = None) -> str:
    """Say how this session's questions are answered; `listed` is how many models the endpoint has just named."""
    if choice.written and (choice.base_url or settings.llm_base_url):
        model, address = choice.model or settings.llm_model or "", choice.base_url or settings.llm_base_url or ""
        key = ", with the key that you typed" if choice.api_key else ""
        answers = f"written by {text(model)} at {text(address)}{key}"
    else:
        answers = "in the papers’ own words"
    depth = "thorough" if choice.thorough else "fast"
    found = f"<p>The endpoint lists {counted(listed, 'model')}: choose one.</p>" if listed else ""
    return (
        f'<div class="cd-chosen" role="status"><p>Answers are <strong>{answers}</strong>; the search is '
        f"<strong>{depth}</strong>. This holds for this page until it is closed or loaded anew.</p>{found}</div>"
    )


def failure_to_html(message: str) -> str:
    """Say what could not be done."""
    return f'<p class="cd-error" role="alert">{text(message)}</p>'
