"""The chat's page around the exchanges, and the page that stands in for it while the chat is loading."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from rag.query.limits import MAX_QUESTION_LENGTH
from ui.pages import html


def chat_head() -> str:
    """Return the links to the chat's styles and script, relative to wherever the site is mounted."""
    return html("chat_head.html", script="chat.js")


def top_line() -> str:
    """Return the line with the name, the state, the theme and the way out."""
    return html("chat_top.html")


def ask_tab_frame() -> str:
    """Return the empty places of the Ask tab: conversations, exchanges, examples, and the field for a question."""
    return html("ask_tab.html", longest=MAX_QUESTION_LENGTH)


def examples_to_html(questions: Sequence[str], papers: int) -> str:
    """Return what can be asked, with questions to begin with."""
    return html("examples.html", questions=questions, papers=papers)


def first_paint(examples: str) -> str:
    """Return what the chat's page shows before Gradio's scripts have drawn it: it accepts a question already."""
    return html("first_paint.html", longest=MAX_QUESTION_LENGTH, examples=Markup(examples))


def waiting_page() -> str:
    """Return a page that accepts a question while the chat is loading."""
    return html("waiting.html", script="waiting.js", longest=MAX_QUESTION_LENGTH, examples="")
