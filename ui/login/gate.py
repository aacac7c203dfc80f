"""Whether a name and a password let somebody in: checked off the event loop, slowed where they fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

import anyio

from ui.login.throttle import Throttle
from ui.login.users import Users

_SIDE_BY_SIDE = 2  # checks at a time: each takes 16 MiB and a core
_FREE_OF_ADDRESS = 20  # names may be tried from one address before all of them wait
_KEPT = 256  # headers of programs that need not be checked anew


@dataclass(frozen=True, slots=True)
class Verdict:
    """The user that was let in, or how many seconds the next attempt must wait; neither where it was wrong."""

    user: str | None = None
    wait: float = 0.0


@dataclass
class Gate:
    """Checks passwords for one file of users."""

    users: Users
    throttle: Throttle = field(default_factory=Throttle)
    _limit: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(_SIDE_BY_SIDE))
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _passed: OrderedDict[bytes, tuple[str, str]] = field(default_factory=OrderedDict)

    async def check(self, name: str, password: str, address: str) -> Verdict:
        """Check a password, unless this address has failed too often lately."""
        pair = f"{address} {name[:64]}"
        if wait := max(self.throttle.wait(pair), self.throttle.wait(address, _FREE_OF_ADDRESS)):
            return Verdict(wait=wait)
        self.throttle.count(pair)
        self.throttle.count(address)
        if not await anyio.to_thread.run_sync(self.users.check, name, password, limiter=self._limit):
            return Verdict()
        self.throttle.forgive(pair)
        self.throttle.forgive(address, 1)
        return Verdict(name)

    async def check_header(self, header: str, address: str) -> Verdict:
        """Check HTTP Basic (RFC 7617); what passed is remembered while the user's line stays the same."""
        digest = hmac.digest(self._secret, header.encode(), hashlib.sha256)
        name, kept = self._passed.get(digest, ("", ""))
        if kept and str(self.users.known().get(name)) == kept:
            self._passed.move_to_end(digest)
            return Verdict(name)
        name, _, password = _basic(header).partition(":")
        verdict = await self.check(name, password, address)
        if verdict.user:
            self._passed[digest] = (name, str(self.users.known().get(name)))
            while len(self._passed) > _KEPT:
                self._passed.popitem(last=False)
        return verdict


def _basic(header: str) -> str:
    """Decode what HTTP Basic carries; "" where it carries nothing."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(token.strip(), validate=True).decode()
    except ValueError:
        return ""
