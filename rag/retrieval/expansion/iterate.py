"""What a first search did not find: the model sees the best papers and asks for what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.llm.protocol import ChatModel
from rag.retrieval.expansion.prompts import DONE, MOST_MISSING, missing_messages
from rag.retrieval.expansion.queries import queries_in
from rag.types import Evidence, Query

SHOWN = 10  # papers that the model sees
_MAX_TOKENS = 120
_DONE = re.compile(rf"^\W*{DONE}\b", re.MULTILINE)


def missing(query: Query, found: Sequence[Evidence], chat: ChatModel) -> tuple[str, ...]:
    """Ask for search queries for what the papers found lack; none where nothing is missing. Raises LLMFailed."""
    known = (query.text or query.asked, *query.further)
    return missing_in(chat.complete(missing_messages(query.asked, found, known), _MAX_TOKENS).text, query)


def missing_in(reply: str, query: Query) -> tuple[str, ...]:
    """List the new queries of a reply, up to where it says that it is done."""
    return queries_in(_DONE.split(reply)[0], MOST_MISSING, (query.asked, query.text, *query.further))
