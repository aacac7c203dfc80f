"""Links that are safe to show."""

from __future__ import annotations

import re

from rag.text.sanitize import strip_invisible

_LINK = re.compile(r"(?i:https?)://[^\s<>\"'`\\/?#@]+(?:[/?#][^\s<>\"'`\\]*)?")


def safe_link(url: str | None) -> str | None:
    """Return an http(s) address without a user, spaces, quotes, brackets or characters that are not seen, else None."""
    return url if url and _LINK.fullmatch(url) and strip_invisible(url) == url else None
