"""The page to log in on, and where it leads to (pure)."""

from __future__ import annotations

import re
from html import escape

from ui.plain_page import plain_page

WRONG = "That name and password do not belong together."


def login_page(action: str, after: str, name: str = "", said: str = "") -> str:
    """Show the form; `said` is one line on what was wrong with the last attempt."""
    described = ' aria-describedby="said" aria-invalid="true"' if said else ""
    focus = ("", " autofocus") if name else (" autofocus", "")
    return plain_page(
        "Log in to Citedesk",
        "<h1>Citedesk</h1>\n"
        f'<form method="post" action="{escape(action)}">\n'
        f'<input type="hidden" name="next" value="{escape(after)}">\n'
        '<label for="name">Name</label>\n'
        f'<input id="name" name="name" value="{escape(name)}" autocomplete="username" autocapitalize="none" '
        f'spellcheck="false" maxlength="64" required{focus[0]}{described}>\n'
        '<label for="password">Password</label>\n'
        '<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" '
        f"required{focus[1]}{described}>\n"
        f'<p class="said" id="said" role="alert">{escape(said)}</p>\n'
        '<button type="submit">Log in</button>\n</form>',
        narrow=True,
    )


def safe_path(after: str, otherwise: str) -> str:
    """Give a path of this server to go on to; what might lead elsewhere becomes `otherwise`."""
    inside = re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", after)
    return after if inside and len(after) <= 4000 else otherwise


def wait_said(seconds: float) -> str:
    """Say how long the next attempt must wait."""
    whole = max(1, round(seconds))
    return f"Too many attempts. Try again in {whole} second{'' if whole == 1 else 's'}."
