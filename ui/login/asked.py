"""What the guard reads of a request: its headers, who sent it, and whether another site made a browser send it."""

from __future__ import annotations

import ipaddress
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.types import Scope

from ui.login.access import Access
from ui.login.sessions import COOKIE

_SAFE = ("GET", "HEAD", "OPTIONS")


class Asked:
    """One request, or the opening of a websocket."""

    def __init__(self, scope: Scope, access: Access) -> None:
        self.websocket = scope["type"] == "websocket"
        self.method: str = "GET" if self.websocket else scope["method"]
        self.root: str = scope.get("root_path", "").rstrip("/")
        self.path: str = scope["path"].removeprefix(self.root) or "/"
        self.query: str = scope.get("query_string", b"").decode("latin-1")
        client: Any = scope.get("client")
        self.peer: str | None = client[0] if client else None
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._headers = [(name.decode("latin-1").lower(), value) for name, value in headers]
        self.by_proxy = access.trusts(self.peer)
        proto = self._forwarded("x-forwarded-proto") or scope.get("scheme", "http")
        self.secure = proto in ("https", "wss")

    def header(self, name: str) -> str | None:
        """Give a header's value; None where it is not there, or more than once."""
        values = [value for each, value in self._headers if each == name]
        if len(values) != 1:
            return None
        try:
            return values[0].decode()
        except UnicodeDecodeError:
            return values[0].decode("latin-1")

    @property
    def host(self) -> str | None:
        """The Host header as it came."""
        return self.header("host")

    @property
    def wants_page(self) -> bool:
        """Tell whether a person's browser asks for a page."""
        accepted = self.header("accept") or ""
        return not self.websocket and self.method in ("GET", "HEAD") and "text/html" in accepted

    @property
    def by_browser(self) -> bool:
        """Tell whether a browser sent it; one would meet a challenge for a password with a dialog of its own."""
        return self.header("sec-fetch-mode") is not None or "text/html" in (self.header("accept") or "")

    @property
    def cookie(self) -> str | None:
        """The session's cookie."""
        try:
            morsel = SimpleCookie(self.header("cookie") or "").get(COOKIE)
        except CookieError:
            return None
        return morsel.value if morsel else None

    @property
    def address(self) -> str:
        """Whom failed attempts are counted against: an IPv4 address, or the 64 bits of an IPv6 network."""
        address = self._forwarded("x-forwarded-for") or self.peer or ""
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return self.peer or ""
        return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else str(known)

    @property
    def foreign(self) -> bool:
        """Tell whether another site's page caused it: one that changes something, opens a socket, or loads a part."""
        origin, site = self.header("origin"), self.header("sec-fetch-site")
        if self.websocket or self.method not in _SAFE:
            if origin is not None:
                return _authority(origin) not in self._own()
            return site is not None and site not in ("same-origin", "none")
        return site == "cross-site" and self.header("sec-fetch-mode") not in (None, "navigate")

    def _own(self) -> set[str]:
        """The hosts that this request may come from: the one it goes to, as a proxy before it says too."""
        hosts = (self.host, self._forwarded("x-forwarded-host"))
        return {_authority(f"//{host}") for host in hosts if host}

    def _forwarded(self, name: str) -> str | None:
        """Give the last of what proxies wrote, where the peer is believed."""
        value = self.header(name) if self.by_proxy else None
        return value.rpartition(",")[2].strip().lower() if value else None


def _authority(address: str) -> str:
    """Take host and port out of an origin; "" where there is none, as in the origin "null"."""
    try:
        host = urlsplit(address).netloc.lower()
    except ValueError:
        return ""
    return host.removesuffix(":80").removesuffix(":443")
