"""The users of a server: an htpasswd file of bcrypt hashes (as `htpasswd -B` writes it), reread when it changes.

bcrypt: N. Provos and D. Mazières, "A future-adaptable password scheme", USENIX 1999.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

import bcrypt

from rag.corpus.files import replacing
from rag.errors import UsageError

MAX_NAME_LENGTH = 64  # characters
MAX_PASSWORD_LENGTH = 72  # bytes of UTF-8; bcrypt reads no more
TOO_LONG = f"A password has at most {MAX_PASSWORD_LENGTH} bytes."
_ROUNDS = 12  # log2 of the work; a check takes about 0.3 s
# Cost 4 to 17, as htpasswd offers; 16 bytes of salt end in one of four characters, and bcrypt raises for any other.
_HASH = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-7])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_OLD_HASH = "scrypt$"  # written by versions before htpasswd files
_log = logging.getLogger(__name__)


class Users:
    """The users that a file lists; a file that has become unreadable lets nobody in until it is repaired."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises UsageError, which names the line at fault."""
        self._path = path
        self._stamp = _stamp(path)
        self._hashes: Mapping[str, str] = read_users(path)

    def hashes(self) -> Mapping[str, str]:
        """Return each user's password hash, as the file has them now."""
        if (stamp := _stamp(self._path)) != self._stamp:
            try:
                self._hashes = read_users(self._path)
            except UsageError as error:
                self._hashes = {}
                _log.error("nobody can log in: %s", error)
            self._stamp = stamp
        return self._hashes

    def check(self, name: str, password: str) -> bool:
        """Return whether the password is the user's; an unknown name takes as long as a wrong password."""
        hashes, secret = self.hashes(), _encoded(password)
        if not hashes or len(secret) > MAX_PASSWORD_LENGTH:
            return False
        compared = hashes.get(name) or next(iter(hashes.values()))
        return bcrypt.checkpw(secret, compared.encode()) and name in hashes


def is_too_long(password: str) -> bool:
    """Return whether bcrypt would ignore the end of a password."""
    return len(_encoded(password)) > MAX_PASSWORD_LENGTH


def read_users(path: Path) -> dict[str, str]:
    """Read a file of users; raises UsageError, which names the line at fault."""
    users = parse_users(_read(path), str(path))
    if not users:
        raise UsageError(f"{path} lists no user. Add one: citedesk ui --add-user NAME --users {path}")
    return users


def parse_users(text: str, source: str) -> dict[str, str]:
    """Parse lines `name:hash`, with comments (#) and blank lines between; raises UsageError as `read_users` does."""
    users: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, text.split("\n")), start=1):
        if not line or line.startswith("#"):
            continue
        name, _, hashed = line.partition(":")
        if fault := _name_fault(name) or (f"the name {name} is listed twice" if name in users else ""):
            raise UsageError(f"{source} line {number}: {fault}. Correct or delete the line.")
        if not _HASH.fullmatch(hashed):
            old = hashed.startswith(_OLD_HASH)
            fault = "scrypt hashes of earlier versions are no longer read" if old else "this is not a bcrypt hash"
            remedy = f"Add the user again: citedesk ui --add-user {name} --users {source}"
            raise UsageError(f"{source} line {number}: {fault}. {remedy}")
        users[name] = hashed
    return users


def add_user(path: Path, name: str, password: str, rounds: int = _ROUNDS) -> None:
    """Add a user, or change a user's password; the file is created if missing, readable by its owner only.

    Raises UsageError if the name, the password or the file cannot be used.
    """
    if fault := _name_fault(name):
        raise UsageError(f"{name!r} cannot be a user: {fault}.")
    if not password:
        raise UsageError("The password is empty. Type one.")
    if is_too_long(password):
        raise UsageError(f"{TOO_LONG} This one has {len(_encoded(password))}: choose a shorter one.")
    text = _read(path).rstrip() if path.exists() else ""
    others = [line for line in text.split("\n") if line.strip().partition(":")[0] != name] if text else []
    # Users with an old hash stay listed, so that they can be added again one after the other.
    parse_users("\n".join("" if f":{_OLD_HASH}" in line else line for line in others), str(path))
    hashed = bcrypt.hashpw(_encoded(password), bcrypt.gensalt(rounds)).decode()
    # "$2y$" is what htpasswd writes, and the only prefix that every server reads.
    _write(path, "\n".join([*others, f"{name}:$2y${hashed[4:]}"]) + "\n")


def _name_fault(name: str) -> str:
    valid = re.fullmatch(r"[^\s:#]+", name) and name.isprintable() and len(name) <= MAX_NAME_LENGTH
    return "" if valid else f'a name has 1 to {MAX_NAME_LENGTH} characters, without spaces, ":" and "#"'


def _encoded(password: str) -> bytes:
    return password.encode(errors="surrogatepass")


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner only."""
    try:
        with replacing(path, mode=0o600) as file:
            file.write(text.encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}. Name another file.") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Name a file of users.") from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
