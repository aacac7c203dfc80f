"""File access: atomic replacement, durability, hashes, UTF-8 text and JSON Lines."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from rag.errors import CorpusError


def write_atomic(path: Path, text: str) -> None:
    """Replace a file's content atomically: readers see the old or the new text, even after a crash."""
    with replacing(path) as file:
        file.write(text.encode())


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a file beside `path` that replaces it atomically when the context ends, unless an exception ends it.

    `mode` bounds its permissions, as of `os.open`.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(scratch, "wb", opener=partial(os.open, mode=mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Flush a file, or the renames inside a folder, to disk; a no-op on Windows."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex; raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_text(path: Path, remedy: str = "") -> str:
    """Read a UTF-8 file, with or without a byte order mark; raises CorpusError, whose message ends in `remedy`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CorpusError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}. {remedy}".rstrip()) from None


def to_json_lines(records: Iterable[Mapping[str, Any]]) -> str:
    """Return records as JSON Lines, keys in the order given."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def parse_json_lines(text: str) -> Iterator[tuple[int, dict[str, Any] | ValueError]]:
    """Yield (line number, object) for each non-blank line; a line that is no JSON object yields a ValueError instead.

    Lines end at a newline only: an abstract may contain U+2028 and the like, at which `str.splitlines` would split.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, ValueError(f"not JSON ({getattr(error, 'msg', error)})")
            continue
        yield number, value if isinstance(value, dict) else ValueError("not a JSON object")
