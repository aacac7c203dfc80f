"""The file of users: a line `name:hash` for each, between comments (#) and blank lines; read anew when it changes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from rag.errors import UsageError
from ui.login.passwords import Cost, PasswordHash, hash_password, read_hash

_LONGEST_NAME = 64
_LONGEST_PASSWORD = 1024
_log = logging.getLogger(__name__)
_REMEDY = "Mend the line, or take it out and add the user again."


class Users:
    """The users that a file lists; a file that cannot be read any more lets nobody in until it is mended."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises UsageError, which names the line that is no user."""
        self._path = path
        self._lock = threading.Lock()
        self._seen = _stamp(path)
        self._known: Mapping[str, PasswordHash] = read_users(path)
        self._decoy = hash_password("", next((each.cost for each in self._known.values()), Cost()))

    def known(self) -> Mapping[str, PasswordHash]:
        """Give what the file lists now, by name."""
        with self._lock:
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._seen = stamp
                try:
                    self._known = read_users(self._path)
                except UsageError as error:
                    self._known = MappingProxyType({})
                    _log.error("nobody can log in: %s", error)
            return self._known

    def check(self, name: str, password: str) -> bool:
        """Tell whether a name and password belong together; an unknown name takes as long as a wrong password."""
        kept = self.known().get(name)
        if len(password) > _LONGEST_PASSWORD:
            return False
        matches = (kept or self._decoy).matches(password)
        return matches and kept is not None


def read_users(path: Path) -> Mapping[str, PasswordHash]:
    """Read a file of users; raises UsageError, which names the line that is none."""
    return MappingProxyType(parse_users(_read(path), str(path)))


def parse_users(text: str, source: str) -> dict[str, PasswordHash]:
    """Read the text of such a file (pure); raises UsageError, which names the line that is none."""
    users: dict[str, PasswordHash] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, _, kept = line.partition(":")
        try:
            check_name(name)
            if name in users:
                raise ValueError(f"the name {name} stands twice")
            users[name] = read_hash(kept)
        except ValueError as error:
            raise UsageError(f"{source} line {number}: {error}. {_REMEDY}") from None
    if not users:
        raise UsageError(f"{source} lists no user. Add one to it.")
    return users


def check_name(name: str) -> None:
    """Raise ValueError where a name cannot be one: it is 1 to 64 characters without spaces, ":" and "#"."""
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise ValueError(f"a name has 1 to {_LONGEST_NAME} characters")
    if not name.isprintable() or any(char.isspace() or char in ":#" for char in name):
        raise ValueError('a name has no spaces, ":" or "#"')


def add_user(path: Path, name: str, password: str, cost: Cost = Cost()) -> None:
    """Add a user to a file, or give one another password; the file is made where there is none, for its owner only.

    Raises UsageError where the name, the password or the file cannot be used.
    """
    try:
        check_name(name)
    except ValueError as error:
        raise UsageError(f"There can be no user {name!r}: {error}.") from None
    if not 1 <= len(password) <= _LONGEST_PASSWORD:
        raise UsageError(f"A password has 1 to {_LONGEST_PASSWORD} characters. Give another one.")
    text = _read(path) if path.exists() else ""
    if text.strip() and any(line.strip() and not line.strip().startswith("#") for line in text.split("\n")):
        parse_users(text, str(path))
    lines = [line for line in text.split("\n") if line.strip().partition(":")[0] != name]
    while lines and not lines[-1].strip():
        lines.pop()
    _write(path, "\n".join([*lines, f"{name}:{hash_password(password, cost)}"]) + "\n")


def _write(path: Path, text: str) -> None:
    """Replace the file in one step; nobody but its owner can ever read it."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.unlink(missing_ok=True)
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}. Name another file.") from None
    finally:
        scratch.unlink(missing_ok=True)


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
