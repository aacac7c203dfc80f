"""Links that are safe to show."""

from __future__ import annotations

import re

_LINK = re.compile(r"(?i:https?)://[^\s<>\"'`\\]+")


def safe_link(url: str | None) -> str | None:
    """Return an http(s) address without spaces, quotes or brackets; None for any other."""
    return url if url and _LINK.fullmatch(url) else None
