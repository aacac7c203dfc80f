"""What every way to ask, the command line, the chat, the HTTP API and MCP, demands of a question."""

from __future__ import annotations

from rag.errors import UsageError

MAX_QUESTION_LENGTH = 4000  # characters; the encoder reads the first 96 tokens, the search all of them


def check_question(question: str) -> None:
    """Raise UsageError for a question that is empty or too long."""
    if not question.strip():
        raise UsageError("The question is empty. Ask one, as in: which papers cut KV-cache memory")
    if len(question) > MAX_QUESTION_LENGTH:
        raise UsageError(
            f"The question has {len(question):,} characters, and at most {MAX_QUESTION_LENGTH:,} are read. Shorten it."
        )
