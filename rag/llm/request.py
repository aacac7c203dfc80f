"""What one request asks for, without the parameters that a server was found not to take."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any


class Dialect:
    """Remembers which optional parameters an endpoint refuses; may be shared by calls that run side by side."""

    def __init__(self) -> None:
        self._refused: set[str] = set()
        self._lock = Lock()

    def refuse(self, name: str) -> None:
        """Leave a parameter out from now on."""
        with self._lock:
            self._refused.add(name)

    def takes(self, name: str) -> bool:
        """Tell whether a parameter was not refused so far."""
        with self._lock:
            return name not in self._refused

    def parameters(self, max_tokens: int, schema: Mapping[str, Any] | None) -> dict[str, Any]:
        """Give a request's parameters; sampling is set, for a server's own defaults may come from the model's files."""
        wanted: dict[str, Any] = {
            "temperature": 0.0,
            "top_p": 1.0,
            "max_tokens": max_tokens,
            "stream_options": {"include_usage": True},
        }
        if not self.takes("max_tokens"):
            wanted["max_completion_tokens"] = max_tokens
        if schema is not None:
            wanted["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": schema, "strict": True},
            }
        sent = {name: value for name, value in wanted.items() if self.takes(name)}
        return sent
