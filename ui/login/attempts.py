"""Checks passwords off the event loop, few side by side, and slows guessing down."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

import anyio
import anyio.to_thread

from ui.login.users import MAX_NAME_LENGTH, TOO_LONG, Users, is_too_long

_PARALLEL = 2  # checks; bcrypt takes a core for 0.3 s
_FREE = 5  # failed attempts before the next one waits
_FREE_OF_ADDRESS = 20  # the same for one address, whatever the names
_MAX_WAIT = 60.0  # seconds
_FORGOTTEN = 900.0  # seconds after which failures no longer count
_KEPT = 4096  # keys; those that failed longest ago are dropped first
_REMEMBERED = 256  # Authorization headers that passed, so that not every request pays for bcrypt


class Refused(Exception):
    """A request that is answered with an error: its HTTP status, one line, and headers."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


class WrongPassword(Refused):
    """A name and password that do not belong together."""

    def __init__(self) -> None:
        super().__init__(401, "Wrong name or password.")


class PasswordChecker:
    """Checks names and passwords against a file of users."""

    def __init__(self, users: Users) -> None:
        self.users = users
        self._throttle = Throttle()
        self._limit = anyio.CapacityLimiter(_PARALLEL)
        self._key = secrets.token_bytes(32)
        self._passed: dict[bytes, tuple[str, str]] = {}

    async def check(self, name: str, password: str, client: str) -> None:
        """Raise Refused unless the password is right, and neither name nor client has failed too often lately."""
        pair = f"{client} {name[:MAX_NAME_LENGTH]}"
        if wait := max(self._throttle.wait(pair), self._throttle.wait(client, _FREE_OF_ADDRESS)):
            seconds = max(1, round(wait))
            message = f"Too many attempts. Try again in {seconds} second{'' if seconds == 1 else 's'}."
            raise Refused(429, message, {"retry-after": str(seconds)})
        if is_too_long(password):
            raise Refused(401, TOO_LONG)
        self._throttle.count(pair)
        self._throttle.count(client)
        if not await anyio.to_thread.run_sync(self.users.check, name, password, limiter=self._limit):
            raise WrongPassword
        self._throttle.forgive(pair)
        self._throttle.forgive(client, 1)

    async def check_basic(self, header: str, client: str) -> str:
        """Return the user of HTTP Basic (RFC 7617); raises Refused.

        A header that passed is not checked again until the user's hash changes.
        """
        digest = hmac.digest(self._key, header.encode(), hashlib.sha256)
        name, hashed = self._passed.get(digest, ("", ""))
        if hashed and self.users.hashes().get(name) == hashed:
            return name
        scheme, _, token = header.partition(" ")
        try:
            decoded = base64.b64decode(token.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
        except ValueError:
            decoded = ""
        name, _, password = decoded.partition(":")
        await self.check(name, password, client)
        if len(self._passed) >= _REMEMBERED:
            self._passed.clear()
        self._passed[digest] = (name, self.users.hashes().get(name, ""))
        return name


class Throttle:
    """Counts failed attempts by key (an address, or an address and a name)."""

    def __init__(self, now: Callable[[], float] = time.monotonic, kept: int = _KEPT) -> None:
        self._now = now
        self._kept = kept
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str, free: int = _FREE) -> float:
        """Return the seconds that the next attempt must still wait."""
        count, last = self._failed.get(key, (0, 0.0))
        since = self._now() - last
        if count < free or since > _FORGOTTEN:
            return 0.0
        return max(0.0, min(2.0 ** min(count - free, 10), _MAX_WAIT) - since)

    def count(self, key: str) -> None:
        """Count an attempt as failed before it is checked, so that parallel ones do not slip through."""
        count, last = self._failed.get(key, (0, 0.0))
        now = self._now()
        self._failed[key] = (1 if now - last > _FORGOTTEN else count + 1, now)
        self._failed.move_to_end(key)
        while len(self._failed) > self._kept:
            self._failed.popitem(last=False)

    def forgive(self, key: str, attempts: int | None = None) -> None:
        """Subtract so many failures, by default all, after a right password."""
        count, last = self._failed.pop(key, (0, 0.0))
        left = 0 if attempts is None else count - attempts
        if left > 0:
            self._failed[key] = (left, last)

    def __len__(self) -> int:
        return len(self._failed)
