"""What people say of answers: a thumb, a reason, the answer's receipt; a JSON line each in `<home>/feedback.jsonl`."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import CitedeskError, UsageError

if TYPE_CHECKING:
    from ui.api.models import FeedbackRequest

MAX_REASON_LENGTH = 1000  # characters
FILE = "feedback.jsonl"
_MAX_LINE_LENGTH = 64 * 1024  # bytes
_MAX_FILE_SIZE = 64 * 1024**2  # bytes: some 100,000 thumbs


def append_feedback(home: Path, feedback: FeedbackRequest, user: str | None, now: datetime) -> None:
    """Store a rating of an answer; raises UsageError where it is too long, CitedeskError where it cannot be written."""
    stored = {"time": now.isoformat(timespec="seconds"), "user": user, **feedback.to_json()}
    line = json.dumps(stored, ensure_ascii=False).encode() + b"\n"
    if len(line) > _MAX_LINE_LENGTH:
        raise UsageError(f"The feedback is longer than {_MAX_LINE_LENGTH // 1024} KB. Send less.")
    try:
        _append(home, line)
    except OSError as error:
        reason = error.strerror or "the lock is held by another process"
        raise CitedeskError(f"The feedback cannot be kept in {FILE}: {reason}.") from None


def _append(home: Path, line: bytes) -> None:
    """Add a line as a whole or not at all, one process at a time; a line that was cut off before it stays apart."""
    from filelock import FileLock  # slow to import

    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f"{FILE}.lock", timeout=10):
        handle = os.open(home / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            end = os.lseek(handle, 0, os.SEEK_END)
            if end + len(line) > _MAX_FILE_SIZE:
                raise CitedeskError(
                    f"{FILE} is full: {_MAX_FILE_SIZE >> 20} MB. Whoever runs this site can move it away."
                )
            torn = end > 0 and _last_byte(handle, end) != b"\n"
            _write_whole(handle, b"\n" + line if torn else line, end)
        finally:
            os.close(handle)


def _last_byte(handle: int, end: int) -> bytes:
    os.lseek(handle, end - 1, os.SEEK_SET)
    return os.read(handle, 1)


def _write_whole(handle: int, data: bytes, end: int) -> None:
    try:
        written = 0
        while written < len(data):
            written += os.write(handle, data[written:])
    except OSError:
        os.ftruncate(handle, end)
        raise
