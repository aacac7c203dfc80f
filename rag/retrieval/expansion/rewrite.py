"""A question in the words that papers use: one call, several search queries."""

from __future__ import annotations

from rag.llm.protocol import ChatModel
from rag.retrieval.expansion.prompts import MOST_QUERIES, rewrite_messages
from rag.retrieval.expansion.queries import queries_in
from rag.types import Query

_MAX_TOKENS = 160


def rewritten(query: Query, chat: ChatModel) -> tuple[str, ...]:
    """Ask for search queries; none that repeats the question. Raises LLMFailed."""
    reply = chat.complete(rewrite_messages(query.asked), _MAX_TOKENS)
    return queries_in(reply.text, MOST_QUERIES, (query.asked, query.text, *query.further))
