"""What the Browse tab needs of the place where questions are answered."""

from __future__ import annotations

from typing import Protocol

from rag.engine import Engine


class Desk(Protocol):
    """Holds the engine, which is another object once a new generation of the index is loaded."""

    def engine(self) -> Engine:
        """Wait until the index and the models are loaded, and give the engine; raises CitedeskError."""
        ...
