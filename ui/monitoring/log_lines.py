"""The log: one JSON object a line on stderr. Nothing of a question's text is in it, except at the level debug."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any, Literal, get_args

LogLevel = Literal["error", "warning", "info", "debug"]
LOG_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)
_PACKAGES = ("rag", "ui", "eval")
_FRAMES = 12  # of a traceback, the innermost


def configure_logging(level: LogLevel) -> None:
    """Write the log of this process to stderr; other packages log their warnings only."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(messages=level == "debug"))
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, _number(level)), force=True)
    for name in _PACKAGES:
        logging.getLogger(name).setLevel(_number(level))


class JsonLines(logging.Formatter):
    """Formats a record as a JSON object; `extra={"fields": {…}}` adds fields to it.

    Of an exception it says the type and the places that it passed, and the message only with `messages`: that may
    quote what somebody asked.
    """

    def __init__(self, messages: bool = False) -> None:
        super().__init__()
        self._messages = messages

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
            line["error"] = f"{type(error).__name__}: {error}" if self._messages else type(error).__name__
            line["traceback"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=True, default=str)


def _number(level: LogLevel) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
