"""Web addresses: which are safe to show as links, and which are this machine's."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from rag.text.sanitize import strip_invisible

_LINK = re.compile(r"(?i:https?)://[^\s<>\"'`\\/?#@]+(?:[/?#][^\s<>\"'`\\]*)?")


def safe_link(url: str | None) -> str | None:
    """Return an http(s) address without a user, spaces, quotes, brackets or characters that are not seen, else None."""
    return url if url and _LINK.fullmatch(url) and strip_invisible(url) == url else None


def is_loopback(url: str) -> bool:
    """Return whether the host of an address is this machine by its name; raises ValueError for no address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
