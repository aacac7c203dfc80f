"""Who is logged in: a cookie that names the user and an end, signed with a secret that lasts as long as the process.

The user's password hash is part of what is signed: another password, or none any more, ends all sessions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping

from ui.login.passwords import PasswordHash

COOKIE = "citedesk_session"
_HOURS = 12


class Sessions:
    """Makes and reads such cookies; keeps only the ones that were logged out of before their end."""

    def __init__(self, now: Callable[[], float] = time.time, hours: float = _HOURS) -> None:
        self._secret = secrets.token_bytes(32)
        self._now = now
        self._seconds = int(hours * 3600)
        self._ended: dict[str, int] = {}

    def start(self, name: str, kept: PasswordHash) -> str:
        """Make the value of a cookie for a user."""
        ends = int(self._now()) + self._seconds
        claim = f"{base64.urlsafe_b64encode(name.encode()).decode()}.{ends}.{secrets.token_urlsafe(9)}"
        return f"{claim}.{self._sign(claim, kept)}"

    def user(self, value: str, known: Mapping[str, PasswordHash]) -> str | None:
        """Say whose cookie it is; None where it is none of ours, or over."""
        claim, _, signature = value.rpartition(".")
        parts = claim.split(".")
        if len(parts) != 3 or not parts[1].isdecimal() or len(value) > 1000:
            return None
        try:
            name = base64.urlsafe_b64decode(parts[0]).decode()
        except ValueError:
            return None
        kept = known.get(name)
        if kept is None or not hmac.compare_digest(self._sign(claim, kept).encode(), signature.encode()):
            return None
        return name if self._now() < int(parts[1]) and value not in self._ended else None

    def end(self, value: str, known: Mapping[str, PasswordHash]) -> None:
        """Let a cookie be valid no longer."""
        if self.user(value, known) is None:
            return
        now = self._now()
        self._ended = {each: ends for each, ends in self._ended.items() if ends > now}
        self._ended[value] = int(value.split(".")[1])

    def cookie(self, value: str, secure: bool) -> str:
        """Write the header that sets the cookie; an empty value takes it away."""
        age = self._seconds if value else 0
        return f"{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def _sign(self, claim: str, kept: PasswordHash) -> str:
        message = f"{claim}.{kept}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self._secret, message, hashlib.sha256)).decode().rstrip("=")
