"""Which run was reported last on an index's home, for those who show it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from rag.corpus.files import write_atomic

_POINTER = "last-evaluation"


def note_last(home: Path, folder: Path) -> None:
    """Note where the last report lies; where nothing can be written, the chat does not find it."""
    with suppress(OSError):
        write_atomic(home / _POINTER, f"{folder.resolve()}\n")


def last_folder(home: Path) -> Path | None:
    """Find the folder of the last report; None where there is none any more."""
    try:
        folder = Path((home / _POINTER).read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return None
    return folder if (folder / "report.html").is_file() else None
