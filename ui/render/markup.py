"""The small pieces that all HTML of the chat is made of (pure): escaped text, attributes, JSON, links."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import urlsplit

from rag.text.sanitize import strip_invisible
from ui.export.links import safe_link

_IN_JSON = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def text(value: str) -> str:
    """Escape a text for HTML, in an element or in a quoted attribute, without what is not seen but steers."""
    return escape(strip_invisible(value), quote=True)


def bdi(value: str) -> str:
    """Escape another's words, whose direction of writing is their own."""
    return f"<bdi>{text(value)}</bdi>"


def attributes(**values: str | int | bool | None) -> str:
    """Write attributes, "_" in their names as "-"; None and False are left out, True has no value."""
    given = [(name.strip("_").replace("_", "-"), value) for name, value in values.items()]
    parts = [name if value is True else f'{name}="{text(str(value))}"' for name, value in given if _is_set(value)]
    return "".join(f" {part}" for part in parts)


def button(label: str, action: str, css: str = "", **more: str | int | bool | None) -> str:
    """Write a button that a script acts on; `label` is plain text."""
    given = {"class": f"cd-button {css}".strip(), "data_action": action, **more}
    return f'<button type="button"{attributes(**given)}>{text(label)}</button>'


def json_script(value: Any, css: str) -> str:
    """Put data beside what they belong to; nothing in them can end the element."""
    written = json.dumps(value, ensure_ascii=False)
    for character, escaped in _IN_JSON.items():
        written = written.replace(character, escaped)
    return f'<script type="application/json" class="{css}">{written}</script>'


def link(url: str | None, label: str, about: str, css: str = "cd-link") -> str:
    """Link to an http(s) address in a new tab, `about` said to screen readers; nothing for another address."""
    if not (address := safe_link(url)):
        return ""
    given = attributes(class_=css, href=address, target="_blank", rel="noopener noreferrer")
    return f'<a{given}>{text(label)}<span class="cd-hidden">: {text(about)} (opens in a new tab)</span></a>'


def host(url: str) -> str:
    """Name the host of an address; "" where it has none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def details(summary: str, body: str, css: str, **more: str | int | bool | None) -> str:
    """Fold HTML under a plain summary; nothing where there is none."""
    if not body:
        return ""
    return f"<details{attributes(class_=css, **more)}><summary>{text(summary)}</summary>{body}</details>"


def _is_set(value: object) -> bool:
    return value is not None and value is not False
