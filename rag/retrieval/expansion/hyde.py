"""The abstract that would answer, made up by a model to search with, and never shown as a finding.

HyDE: Gao, Ma, Lin and Callan, Precise Zero-Shot Dense Retrieval without Relevance Labels, ACL 2023.
"""

from __future__ import annotations

import re

from rag.llm.declines import declines
from rag.llm.protocol import ChatModel
from rag.retrieval.expansion.prompts import hyde_messages
from rag.text.tokens import tokenize
from rag.types import Query

_MAX_TOKENS = 220
_MOST_CHARACTERS = 1200
_LEAST_TERMS = 6
_TALK = re.compile(r"^\W*(?:sure|certainly|of course|okay|here (?:is|are)|here's)\b[^\n]*:\s*\n", re.IGNORECASE)
_LABEL = re.compile(r"^[\s*_#]*(?:hypothetical )?(?:abstract|title)[\s*_]*:[\s*_]*", re.IGNORECASE | re.MULTILINE)
_NO_TEXT = re.compile(
    r"```\w*|\w+://\S+|[<>{}|*_#`]|[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]"
)


def hypothetical(query: Query, chat: ChatModel) -> tuple[str, ...]:
    """Ask for the abstract of a paper that would answer; none where the reply is no such text. Raises LLMFailed."""
    return abstract_in(chat.complete(hyde_messages(query.asked), _MAX_TOKENS).text)


def abstract_in(reply: str) -> tuple[str, ...]:
    """Take the abstract out of a reply, at most 1200 characters of it."""
    text = " ".join(_NO_TEXT.sub(" ", _LABEL.sub("", _TALK.sub("", reply))).split())[:_MOST_CHARACTERS].strip()
    return () if declines(text) or len(set(tokenize(text))) < _LEAST_TERMS else (text,)
