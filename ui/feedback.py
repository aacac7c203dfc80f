"""What people say of answers: a thumb, a reason, the answer's receipt; a JSON line each in `<home>/feedback.jsonl`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from rag.answer import Status
from rag.errors import CitedeskError, UsageError
from rag.types import CONSTRAINTS, Kind
from ui.overrides import overrides_from_json, overrides_to_json
from ui.question import LONGEST

FILE = "feedback.jsonl"
_LONGEST_LINE = 64 * 1024  # bytes
_LARGEST_FILE = 64 * 1024**2  # bytes: some 100,000 thumbs
LONGEST_REASON = 1000  # characters, as of all texts below
_LONGEST_NAME = 300
_MOST_CITATIONS = 500


def read_feedback(value: object) -> dict[str, Any]:
    """Take what is kept out of what was sent (pure); raises UsageError, which names what is wrong.

    `{"verdict": "up" | "down", "reason": …, "receipt": {…}}`; the receipt has at least the question. Whatever else it
    holds besides the fields of a receipt, such as the answer's text, is dropped.
    """
    given = _object("feedback", value)
    verdict = given.get("verdict")
    if verdict not in ("up", "down"):
        raise UsageError('The verdict is "up" or "down".')
    reason = _text("reason", given.get("reason", ""), LONGEST_REASON) or ""
    receipt = _object("receipt", given.get("receipt"))
    kept = {name: read(receipt[name]) for name, read in _RECEIPT.items() if receipt.get(name) is not None}
    if not str(kept.get("question", "")).strip():
        raise UsageError("The receipt has no question.")
    return {"verdict": verdict, "reason": reason.strip(), "receipt": kept}


def append_feedback(home: Path, value: object, user: str | None, now: datetime) -> None:
    """Keep what somebody said of an answer; raises UsageError for what was sent, CitedeskError for what fails here."""
    kept = {"time": now.isoformat(timespec="seconds"), "user": user, **read_feedback(value)}
    line = json.dumps(kept, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
    if len(line) > _LONGEST_LINE:
        raise UsageError(f"The feedback is longer than {_LONGEST_LINE // 1024} KB. Send less.")
    try:
        _append(home, line)
    except OSError as error:
        said = error.strerror or "the lock is held by another process"
        raise CitedeskError(f"The feedback cannot be kept in {FILE}: {said}.") from None


def _append(home: Path, line: bytes) -> None:
    """Add a line as a whole or not at all, one process at a time; a line that was cut off before it stays apart."""
    from filelock import FileLock  # slow to import

    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f"{FILE}.lock", timeout=10):
        handle = os.open(home / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            end = os.lseek(handle, 0, os.SEEK_END)
            if end + len(line) > _LARGEST_FILE:
                raise CitedeskError(
                    f"{FILE} is full: {_LARGEST_FILE >> 20} MB. Whoever runs this site can move it away."
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


def _object(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"The {name} is no JSON object.")
    return value


def _text(name: str, value: object, longest: int) -> str:
    if not isinstance(value, str):
        raise UsageError(f"The {name} is no text.")
    if len(value) > longest:
        raise UsageError(f"The {name} has {len(value)} characters; at most {longest} are kept. Shorten it.")
    return value


def _named(name: str) -> Callable[[object], str]:
    return lambda value: _text(name, value, _LONGEST_NAME)


def _one_of(name: str, choices: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            raise UsageError(f"The {name} is none of {', '.join(choices)}.")
        return str(value)

    return read


def _filters(value: object) -> dict[str, Any]:
    """Keep the constraints as an answer's JSON shows them."""
    given = _object("filters", value)
    for name in CONSTRAINTS:
        each = given.get(name)
        simple = isinstance(each, str | int | None) or (name == "author_count" and _is_count(each))
        if not simple or (isinstance(each, str) and len(each) > _LONGEST_NAME):
            raise UsageError(f"The filter {name} is not as an answer shows it.")
    return {name: given[name] for name in CONSTRAINTS if given.get(name) is not None}


def _is_count(value: object) -> bool:
    return isinstance(value, dict) and all(
        name in ("least", "most") and isinstance(number, int) for name, number in value.items()
    )


def _citations(value: object) -> list[str]:
    """Keep the ids of the first papers that were cited; a citation of an answer's JSON stands for its paper's."""
    if not isinstance(value, list):
        raise UsageError("The citations are no list of papers.")
    ids = [each.get("paper_id") if isinstance(each, dict) else each for each in value[:_MOST_CITATIONS]]
    return [_text("paper_id of a citation", each, _LONGEST_NAME) for each in ids]


_RECEIPT: Mapping[str, Callable[[object], Any]] = {
    "question": lambda value: _text("question", value, LONGEST),
    "overrides": lambda value: overrides_to_json(overrides_from_json(value)),
    "kind": _one_of("kind", get_args(Kind)),
    "filters": _filters,
    "generation": _named("generation"),
    "model": _named("model"),
    "status": _one_of("status", get_args(Status)),
    "citations": _citations,
}
