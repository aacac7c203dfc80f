"""Who may connect to a server: from which addresses, under which host names, through which proxies, from which sites.

On loopback anybody may; elsewhere a file of users or a proxy's header says who. Whether a password is right is
decided elsewhere.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import Scope

from rag.errors import UsageError
from ui.login.users import Users

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = ("127.0.0.0/8", "::1/128")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Access:
    """How users are identified: by `users`, by the `header` that a proxy sets, or, if both are None, not at all.

    `X-Forwarded-*` headers and `header` are believed from the networks in `peers` only. `hosts` are the host names
    that the server answers to besides loopback's; None admits every name.
    """

    users: Users | None = None
    header: str | None = None
    peers: tuple[Network, ...] = tuple(ipaddress.ip_network(each) for each in LOOPBACK)
    hosts: frozenset[str] | None = None

    def trusts(self, address: str | None) -> bool:
        """Return whether an address is one of the trusted proxies'."""
        known = _address(address)
        return known is not None and any(known in network for network in self.peers)

    def serves(self, host: str | None) -> bool:
        """Return whether a Host header names this server; another name may be a page's after DNS rebinding."""
        if self.hosts is None:
            return True
        name = host_name(host or "")
        return name in self.hosts or is_loopback(name)

    def forwarded(self, request: HTTPConnection, name: str) -> str | None:
        """Return the last value of an `X-Forwarded-*` header, lower-case; None unless a trusted proxy sent it."""
        value = single_header(request, name) if self.trusts(peer(request)) else None
        return value.rpartition(",")[2].strip().lower() if value else None

    def is_secure(self, request: HTTPConnection) -> bool:
        """Return whether the client's connection is encrypted, as far as trusted proxies say."""
        return (self.forwarded(request, "x-forwarded-proto") or request.scope.get("scheme")) in ("https", "wss")

    def client(self, request: HTTPConnection) -> str:
        """Return whom failed attempts count against: an IPv4 address, or the /64 network of an IPv6 address."""
        try:
            known = ipaddress.ip_address(self.forwarded(request, "x-forwarded-for") or peer(request) or "")
        except ValueError:
            return peer(request) or ""
        return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else str(known)

    def is_cross_site(self, request: HTTPConnection) -> bool:
        """Return whether another site's page made a browser send a change, open a websocket, or load a part."""
        origin, site = single_header(request, "origin"), single_header(request, "sec-fetch-site")
        if request.scope["type"] == "websocket" or request.scope["method"] not in _SAFE_METHODS:
            if origin is None:
                return site not in (None, "same-origin", "none")
            hosts = (single_header(request, "host"), self.forwarded(request, "x-forwarded-host"))
            return _authority(origin) not in {_authority(f"//{host}") for host in hosts if host}
        return site == "cross-site" and single_header(request, "sec-fetch-mode") not in (None, "navigate")


def choose_access(
    host: str,
    users: Path | None = None,
    trust_header: str | None = None,
    no_login: bool = False,
    peers: Sequence[str] = LOOPBACK,
    names: Sequence[str] = (),
) -> Access:
    """Decide who may use a server that listens at `host`; `names` are the host names that it is reached by.

    Raises UsageError for a public address without a choice, for options that exclude each other, and for values that
    cannot be parsed.
    """
    options = (("--users", users), ("--trust-header", trust_header), ("--no-login", no_login or None))
    given = [flag for flag, value in options if value is not None]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other: give one of them.")
    if not given and not is_loopback(host):
        raise UsageError(
            f"{host} is a public address: anybody who reaches it could ask. Give --users FILE or "
            "--trust-header NAME, or --no-login if that is intended."
        )
    if trust_header is not None and not re.fullmatch(r"[A-Za-z0-9-]+", trust_header):
        raise UsageError(f"{trust_header!r} is not the name of a header. Give one, as in X-Forwarded-User.")
    hosts = frozenset(host_name(each) for each in names)
    if is_loopback(host) and users is None and trust_header is None:
        hosts |= {host_name(host)}
    return Access(
        users=Users(users) if users else None,
        header=trust_header.lower() if trust_header else None,
        peers=tuple(_network(each) for each in peers),
        hosts=hosts or None,
    )


def is_loopback(host: str) -> bool:
    """Return whether an address or name can be reached from this machine only."""
    name = host_name(host)
    address = _address(name)
    return name in _LOCAL_NAMES or (address is not None and address.is_loopback)


def host_name(host: str) -> str:
    """Return the name in a Host header: "[::1]:7860" is "::1"; "" if the header is malformed."""
    host = host.strip().lower()
    if _address(host) is not None:
        return host
    match = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([^\s:/@\[\]]+))(?::[0-9]*)?", host)
    return (match[1] or match[2]).rstrip(".") if match else ""


def single_header(request: HTTPConnection, name: str) -> str | None:
    """Return a header's value as UTF-8 or else Latin-1; None if it is missing or given more than once."""
    values = request.headers.getlist(name)
    if len(values) != 1:
        return None
    try:
        return values[0].encode("latin-1").decode()
    except UnicodeDecodeError:
        return values[0]


def peer(request: HTTPConnection) -> str | None:
    """Return the address at the other end of the connection, a proxy's or the client's own."""
    return request.client.host if request.client else None


def site_path(scope: Scope) -> str:
    """Return a request's path below the root path, which is "/" for the root itself."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(f"{text!r} is not an address or network. Give one, as in 10.0.0.7 or 10.0.0.0/8.") from None


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _authority(address: str) -> str:
    """Return host and port of an origin; "" if it has none, as the origin "null"."""
    try:
        host = urlsplit(address).netloc.lower()
    except ValueError:
        return ""
    return host.removesuffix(":80").removesuffix(":443")
