"""What a file held when its generation was published, so that damage is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 1 << 24  # bytes


@dataclass(frozen=True, slots=True)
class FileState:
    """A file's size in bytes, its time of change in ns, and the SHA-256 (hex) of each 16 MiB; none if it is not hashed.

    What stands behind `size` does not belong to it: later generations append to files that they share.
    """

    size: int
    changed: int
    blocks: tuple[str, ...] = ()


def file_state(path: Path, known: FileState | None = None) -> FileState:
    """Return the state of a file; hashes of whole blocks are taken from `known`, its state before it grew."""
    found = unhashed_state(path)
    blocks = known.blocks[: known.size // _BLOCK] if known else ()
    return FileState(found.size, found.changed, (*blocks, *_hashes(path, found.size, len(blocks))))


def unhashed_state(path: Path) -> FileState:
    """Return the state of a file that others may write to without changing what it holds."""
    found = path.stat()
    return FileState(found.st_size, found.st_mtime_ns)


def is_damaged(path: Path, known: FileState, thorough: bool) -> bool:
    """Return whether a file is missing or holds something else.

    Unless `thorough`, a file whose size and time of change are as known is taken to be intact, without reading it.
    """
    if not path.is_file() or path.stat().st_size < known.size:
        return True
    if not known.blocks:
        return path.stat().st_size != known.size
    if not thorough and unhashed_state(path) == FileState(known.size, known.changed):
        return False
    return tuple(_hashes(path, known.size)) != known.blocks


def _hashes(path: Path, size: int, first: int = 0) -> Sequence[str]:
    """Return the hash of each block of the first `size` bytes, from a block on."""
    with path.open("rb") as file:
        file.seek(first * _BLOCK)
        offsets = range(first * _BLOCK, size, _BLOCK) if size else (0,)
        return [hashlib.sha256(file.read(min(_BLOCK, size - offset))).hexdigest() for offset in offsets]
