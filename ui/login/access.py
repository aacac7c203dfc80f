"""Who may use a server at its address: anybody on loopback, elsewhere whom a file or a proxy names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UsageError
from ui.login.users import Users

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = ("127.0.0.0/8", "::1/128")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Access:
    """How users are known: by `users`, by the `header` that a proxy sets, or, where neither is there, not at all.

    Only `peers` are believed what they say for others (`X-Forwarded-*`, and the `header`). `hosts` are the names that
    the server may be called by besides loopback's own; None is any name.
    """

    users: Users | None = None
    header: str | None = None
    peers: tuple[Network, ...] = tuple(ipaddress.ip_network(each) for each in LOOPBACK)
    hosts: frozenset[str] | None = None

    def trusts(self, address: str | None) -> bool:
        """Tell whether a peer's address is one of those that are believed."""
        known = _address(address)
        return known is not None and any(known in network for network in self.peers)

    def serves(self, host: str | None) -> bool:
        """Tell whether a request's Host header names this server; other names may be a page's that was rebound."""
        if self.hosts is None:
            return True
        name = host_name(host or "")
        return name in self.hosts or is_loopback(name)


def choose_access(
    host: str,
    users: Path | None = None,
    trust_header: str | None = None,
    no_login: bool = False,
    peers: Sequence[str] = LOOPBACK,
    names: Sequence[str] = (),
) -> Access:
    """Decide who may use a server that listens at `host`; `names` are the host names that it is called by.

    Raises UsageError for a public address that nothing guards, ways that exclude each other, and what cannot be read.
    """
    ways = [flag for flag, given in _flags(users, trust_header, no_login) if given]
    if len(ways) > 1:
        raise UsageError(f"{ways[0]} and {ways[1]} exclude each other: give one of them.")
    if not ways and not is_loopback(host):
        raise UsageError(
            f"{host} is a public address, and anybody there could ask. Give --users FILE or --trust-header NAME, "
            "or --no-login if that is meant."
        )
    if trust_header is not None and not re.fullmatch(r"[A-Za-z0-9-]+", trust_header):
        raise UsageError(f"{trust_header!r} is no name of a header. Give one, as in X-Forwarded-User.")
    own = frozenset(host_name(each) for each in names)
    guarded = users is not None or trust_header is not None
    if is_loopback(host) and not guarded:
        own |= {host_name(host)}
    return Access(
        users=Users(users) if users else None,
        header=trust_header.lower() if trust_header else None,
        peers=tuple(_network(each) for each in peers),
        hosts=own or None,
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address or name can only be reached from this machine."""
    name = host_name(host)
    address = _address(name)
    return name in _LOCAL_NAMES or (address is not None and address.is_loopback)


def host_name(host: str) -> str:
    """Take the name out of a Host header: "[::1]:7860" is "::1"; "" where it is no such header."""
    host = host.strip().lower()
    if _address(host) is not None:
        return host
    match = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([^\s:/@\[\]]+))(?::[0-9]*)?", host)
    return (match[1] or match[2]).rstrip(".") if match else ""


def _flags(users: Path | None, header: str | None, no_login: bool) -> tuple[tuple[str, bool], ...]:
    return ("--users", users is not None), ("--trust-header", header is not None), ("--no-login", no_login)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(f"{text!r} is no address or network. Give one, as in 10.0.0.7 or 10.0.0.0/8.") from None


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
