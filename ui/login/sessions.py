"""Login sessions: a cookie that names the user, signed by itsdangerous with a key that lasts as long as the process."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

from itsdangerous import BadData, URLSafeTimedSerializer

COOKIE = "citedesk_session"
SECONDS = 12 * 3600


class Sessions:
    """Issues and reads session cookies; only those that were logged out of before their end are remembered."""

    def __init__(self, seconds: int = SECONDS) -> None:
        self._key = secrets.token_bytes(32)
        self._serializer = URLSafeTimedSerializer(self._key)
        self._seconds = seconds
        self._ended: dict[str, float] = {}

    def start(self, name: str, password_hash: str) -> str:
        """Return a cookie's value for a user; it is valid until the user's password hash changes."""
        return str(self._serializer.dumps([name, self._fingerprint(password_hash), secrets.token_urlsafe(9)]))

    def user(self, value: str, hashes: Mapping[str, str]) -> str | None:
        """Return the user whom a cookie names, None if it is forged, expired, revoked or logged out of."""
        name, fingerprint, nonce = self._read(value)
        valid = name in hashes and hmac.compare_digest(fingerprint, self._fingerprint(hashes[name]))
        return name if valid and nonce not in self._ended else None

    def end(self, value: str) -> None:
        """Revoke a cookie; one that is not valid is ignored."""
        _, _, nonce = self._read(value)
        now = time.time()
        self._ended = {each: until for each, until in self._ended.items() if until > now}
        if nonce:  # not the value: base64 writes one signature in several ways
            self._ended[nonce] = now + self._seconds

    def _read(self, value: str) -> tuple[str, str, str]:
        """Return name, fingerprint and nonce; empty strings if the cookie is forged or expired."""
        try:
            name, fingerprint, nonce = self._serializer.loads(value, max_age=self._seconds)
        except BadData:
            return "", "", ""
        return name, fingerprint, nonce

    def _fingerprint(self, password_hash: str) -> str:
        return hmac.new(self._key, password_hash.encode(), hashlib.sha256).hexdigest()[:16]
