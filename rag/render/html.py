"""Jinja2 templates for HTML pages: every value is escaped, and all pages of our own share one base and style sheet."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from rag.text.sanitize import strip_invisible


@cache
def environment(package: str) -> Environment:
    """Return the environment of a package's `templates` folder; its pages extend `page.html` of this one."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(__package__)]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["style"] = style
    return made


@cache
def style() -> str:
    """Return the style sheet of `page.html`, as it stands between <style> and </style>."""
    return files(__package__).joinpath("templates", "page.css").read_text(encoding="utf-8")


def _visible(value: Any) -> Any:
    """Drop characters that are not seen but change what is read, as bidirectional controls do."""
    return strip_invisible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
