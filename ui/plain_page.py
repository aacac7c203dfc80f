"""A page of plain HTML in the chat's colours, for what stands outside of it: no script, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape

_STYLE = """
:root { color-scheme: light dark; --bg: #fbfaf7; --surface: #ffffff; --ink: #1d2126; --muted: #57606b; --line: #dcd9d2;
  --accent: #0b5cad; --on-accent: #ffffff; --bad: #a3262a }
@media (prefers-color-scheme: dark) { :root { --bg: #14171b; --surface: #1b1f25; --ink: #e6e3dc; --muted: #a7afba;
  --line: #343a43; --accent: #7ab8ff; --on-accent: #14171b; --bad: #ff9a94 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { max-width: 76ch; margin: 0 auto; padding: 2rem 1rem; overflow-wrap: break-word }
main.narrow { max-width: 24rem; padding-top: 14vh }
h1, h2, h3 { font-family: "Iowan Old Style", Charter, "Source Serif 4", Georgia, serif; line-height: 1.25 }
section { border-top: 1px solid var(--line); margin-top: 2rem }
label { display: block; margin-top: 1rem }
input { width: 100%; margin-top: .25rem; padding: .55rem .7rem; font: inherit; color: inherit;
  background: var(--surface); border: 1px solid var(--muted); border-radius: 6px }
button { margin-top: 1.5rem; padding: .55rem 1.2rem; font: inherit; border: 0; border-radius: 6px;
  background: var(--accent); color: var(--on-accent); cursor: pointer }
a { color: var(--accent) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.muted { color: var(--muted) }
.said { color: var(--bad); min-height: 1.55em; margin: 1rem 0 0 }
code { font-size: .93em }
.box { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--surface); padding: .6rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line) }
pre { margin: 0 }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""What goes out with such a page: its own style is all that may be applied, and its forms go nowhere else."""


def plain_page(title: str, body: str, narrow: bool = False) -> str:
    """Put a body, which is HTML, on a page."""
    kind = ' class="narrow"' if narrow else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<main{kind}>\n{body}\n</main>\n</body>\n</html>\n"
    )
