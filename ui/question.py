"""How long a question may be, wherever it comes from (pure)."""

from __future__ import annotations

from rag.errors import UsageError

LONGEST = 4000  # characters


def check_length(question: str) -> None:
    """Raise UsageError for a question that is longer than what is read."""
    if len(question) > LONGEST:
        raise UsageError(f"The question has {len(question)} characters; at most {LONGEST} are read.")
