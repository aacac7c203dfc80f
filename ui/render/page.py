"""The page around the exchanges, also where the chat is not loaded yet (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from ui.questions import MAX_QUESTION_LENGTH
from ui.render.markup import text

STYLESHEETS = ("look.css", "page.css", "browse.css")

BRAND = (
    '<header class="cd-top"><p class="cd-brand">Citedesk</p>'
    '<p class="cd-state" id="cd-state" role="status"></p>'
    '<button type="button" class="cd-quiet" data-action="theme" id="cd-theme">'
    '<span class="cd-to-dark">Dark</span><span class="cd-to-light">Light</span></button>'
    '<form method="post" action="logout" id="cd-logout" hidden><button type="submit">Log out</button></form></header>'
)

COMPOSER = (
    '<form class="cd-composer" id="cd-composer"><label class="cd-hidden" for="cd-question">Question</label>'
    f'<textarea id="cd-question" rows="1" maxlength="{MAX_QUESTION_LENGTH}" aria-keyshortcuts="/" '
    'placeholder="Ask about the papers"></textarea>'
    '<button type="submit" class="cd-ask">Ask</button>'
    '<button type="button" class="cd-stop" data-action="stop" aria-keyshortcuts="Escape" hidden>Stop</button></form>'
)


def head(scripts: tuple[str, ...]) -> str:
    """Link the site's own styles and scripts, relative to wherever it is mounted."""
    icon = '<link rel="icon" type="image/svg+xml" href="page/static/icon.svg">'
    styles = "".join(f'<link rel="stylesheet" href="page/static/{name}">' for name in STYLESHEETS)
    return icon + styles + "".join(f'<script type="module" src="page/static/{name}"></script>' for name in scripts)


def examples_to_html(questions: Sequence[str], papers: int) -> str:
    """Say what can be asked, and offer questions to begin with."""
    buttons = "".join(
        f'<li><button type="button" data-question="{text(each)}">{text(each)}</button></li>' for each in questions
    )
    return (
        f"<h1>Ask {papers:,} papers</h1><p>Every answer names its papers and shows the sentence that it rests on. "
        "If the collection does not answer a question, you are told so.</p>"
        f'<ul aria-label="Questions to begin with">{buttons}</ul>'
    )


def waiting_page() -> str:
    """Show a page that takes a question while the chat is being loaded."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Citedesk</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"{head(('door.js',))}</head>"
        f'<body class="cd-door">{BRAND}<main class="cd-ask-page">{COMPOSER}'
        '<p class="cd-wait" id="cd-wait" role="status"></p></main></body></html>\n'
    )
