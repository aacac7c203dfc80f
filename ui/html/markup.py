"""Building blocks of HTML: escaped text, attributes, buttons, links, JSON. Nothing else here writes unescaped text."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import urlsplit

from rag.text.links import safe_link
from rag.text.sanitize import strip_invisible

_IN_JSON = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def text(value: str) -> str:
    """Escape text for an element or a quoted attribute, and drop invisible characters that change how it reads."""
    return escape(strip_invisible(value), quote=True)


def bdi(value: str) -> str:
    """Escape text from outside in an element that isolates its writing direction."""
    return f"<bdi>{text(value)}</bdi>"


def attributes(**values: str | int | bool | None) -> str:
    """Return attributes, "_" in their names as "-"; None and False are left out, True has no value."""
    given = [(name.strip("_").replace("_", "-"), value) for name, value in values.items()]
    parts = [name if value is True else f'{name}="{text(str(value))}"' for name, value in given if _is_set(value)]
    return "".join(f" {part}" for part in parts)


def button(label: str, action: str, css: str = "", **more: str | int | bool | None) -> str:
    """Return a button that a script handles by its `action`; `label` is plain text."""
    given = {"class": f"cd-button {css}".strip(), "data_action": action, **more}
    return f'<button type="button"{attributes(**given)}>{text(label)}</button>'


def json_script(value: Any, css: str) -> str:
    """Return JSON in a script element, which nothing in the data can end."""
    written = json.dumps(value, ensure_ascii=False)
    for character, escaped in _IN_JSON.items():
        written = written.replace(character, escaped)
    return f'<script type="application/json" class="{css}">{written}</script>'


def link(url: str | None, label: str, about: str) -> str:
    """Return a link that opens in a new tab, with `about` for screen readers; "" unless the address is safe."""
    if not (address := safe_link(url)):
        return ""
    given = attributes(class_="cd-link", href=address, target="_blank", rel="noopener noreferrer")
    return f'<a{given}>{text(label)}<span class="cd-hidden">: {text(about)} (opens in a new tab)</span></a>'


def host(url: str) -> str:
    """Return the host of an address without "www."; "" if it has none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def details(summary: str, body: str, css: str, **more: str | int | bool | None) -> str:
    """Return HTML folded under a plain summary; "" if there is none."""
    if not body:
        return ""
    return f"<details{attributes(class_=css, **more)}><summary>{text(summary)}</summary>{body}</details>"


def _is_set(value: object) -> bool:
    return value is not None and value is not False
