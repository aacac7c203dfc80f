"""Passwords as texts that cannot be turned back: scrypt, with its parameters and salt in the text (pure).

The form is `scrypt$N$r$p$SALT$KEY`, salt and key in base64. scrypt: C. Percival, "Stronger key derivation via
sequential memory-hard functions", BSDCan 2009; RFC 7914.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass

_MOST_MEMORY = 256 * 2**20  # bytes that a file may make one check take
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """What one check costs: `128 * n * r` bytes of memory, gone over `p` times; raises ValueError beyond reason."""

    n: int = 2**14
    r: int = 8
    p: int = 5

    def __post_init__(self) -> None:
        if self.n < 2 or self.n & (self.n - 1) or not 1 <= self.r <= 32 or not 1 <= self.p <= 16:
            raise ValueError("the parameters of scrypt are out of range")
        if self.memory > _MOST_MEMORY:
            raise ValueError("one check would take more than 256 MiB")

    @property
    def memory(self) -> int:
        """The bytes of memory that one check takes."""
        return 128 * self.r * (self.n + self.p + 2)


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password as it is kept."""

    cost: Cost
    salt: bytes
    key: bytes

    def __str__(self) -> str:
        salt, key = (base64.b64encode(part).decode() for part in (self.salt, self.key))
        return f"scrypt${self.cost.n}${self.cost.r}${self.cost.p}${salt}${key}"

    def matches(self, password: str) -> bool:
        """Tell whether this is the password, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(_derive(password, self.salt, self.cost, len(self.key)), self.key)


def hash_password(password: str, cost: Cost = Cost()) -> PasswordHash:
    """Make what is kept of a password, with a fresh salt."""
    salt = os.urandom(16)
    return PasswordHash(cost, salt, _derive(password, salt, cost, _KEY_BYTES))


def read_hash(text: str) -> PasswordHash:
    """Read what is kept of a password; raises ValueError where the text is none."""
    parts = text.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        raise ValueError("this is no password hash of the form scrypt$N$r$p$SALT$KEY")
    if not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts[1:4]):
        raise ValueError("the parameters of scrypt are no numbers")
    salt, key = (base64.b64decode(part, validate=True) for part in parts[4:])
    if len(salt) < 8 or not 16 <= len(key) <= 64:
        raise ValueError("the salt or the key has no proper length")
    return PasswordHash(Cost(*(int(part) for part in parts[1:4])), salt, key)


def _derive(password: str, salt: bytes, cost: Cost, length: int) -> bytes:
    secret = password.encode(errors="surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=cost.memory + 2**20, dklen=length)
