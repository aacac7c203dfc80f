"""Connections to public addresses only, for an endpoint that somebody else than the server's owner names.

A name is resolved once, and the connection goes to the address that was checked.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv6Address, IPv6Network, ip_address

import httpcore
from httpcore._backends.base import SOCKET_OPTION

_TRANSLATED = IPv6Network("64:ff9b::/96")  # IPv4 behind NAT64 (RFC 6052)
_UNICAST = IPv6Network("2000::/3")  # all that IANA assigns to the public internet; `is_global` allows old local ranges


class PrivateAddress(httpcore.ConnectError):
    """A host at a private, loopback, link-local or reserved address."""


class PublicBackend(httpcore.SyncBackend):
    """Connects to hosts whose address is public; raises PrivateAddress for others."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host, unless one of them is not public."""
        found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        private = next((address for address in found if not is_public(address)), None)
        if private is not None:
            raise PrivateAddress(f"{host} is at {private}, which is no public address")
        return super().connect_tcp(found[0], port, timeout, local_address, socket_options)


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet; one that wraps an IPv4 address is as public as it."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _TRANSLATED:
            return is_public(str(ip_address(int(ip) & 0xFFFFFFFF)))
        if inner:
            return is_public(str(inner))
        if ip not in _UNICAST:
            return False
    return ip.is_global and not ip.is_multicast
