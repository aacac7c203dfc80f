"""Which address of a paper may become a link (pure)."""

from __future__ import annotations

import re

_LINK = re.compile(r"(?i:https?)://[^\s<>\"'`\\]+")


def safe_link(url: str | None) -> str | None:
    """Give an http(s) address that ends where it says; None for any other."""
    return url if url and _LINK.fullmatch(url) else None
