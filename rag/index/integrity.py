"""What a file held when its generation was published, so that damage is noticed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 1 << 24  # bytes


@dataclass(frozen=True, slots=True)
class FileState:
    """A file's size in bytes, its time of change in ns, and the SHA-256 (hex) of each 16 MiB.

    What follows `size` does not belong to it: later generations append to files that they share.
    """

    size: int
    changed: int
    blocks: tuple[str, ...]


def file_state(path: Path, known: FileState | None = None) -> FileState:
    """Return the state of a file; hashes of whole blocks are taken from `known`, its state before it grew."""
    found = path.stat()
    blocks = known.blocks[: known.size // _BLOCK] if known else ()
    return FileState(found.st_size, found.st_mtime_ns, (*blocks, *_hashes(path, found.st_size, len(blocks))))


def is_damaged(path: Path, known: FileState, thorough: bool) -> bool:
    """Return whether a file is missing or holds something else.

    Unless `thorough`, a file whose time of change is as known is taken to be intact, without reading it. One that was
    copied or appended to and is intact gets the known time back, so that it is read only once.
    """
    try:
        found = path.stat()
        if found.st_size < known.size:
            return True
        as_known = found.st_mtime_ns == known.changed
        if as_known and not thorough:
            return False
        if tuple(_hashes(path, known.size)) != known.blocks:
            return True
    except OSError:
        return True
    if not as_known:
        with suppress(OSError):  # where it may not be set, the file is read each time
            os.utime(path, ns=(found.st_atime_ns, known.changed))
    return False


def _hashes(path: Path, size: int, first: int = 0) -> Sequence[str]:
    """Return the hash of each block of the first `size` bytes, from a block on."""
    with path.open("rb") as file:
        file.seek(first * _BLOCK)
        offsets = range(first * _BLOCK, size, _BLOCK) if size else (0,)
        return [hashlib.sha256(file.read(min(_BLOCK, size - offset))).hexdigest() for offset in offsets]
