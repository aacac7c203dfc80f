"""Drafted questions in the words of a language model: one request each, and the template's words where it fails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from eval.gold.drafts import COMBINED, UNSTATED, Draft
from eval.gold.questions import UNANSWERABLE
from rag.errors import LLMFailed
from rag.llm.prompting import FENCED, escape
from rag.llm.protocol import ChatModel, Message
from rag.text.quantities import extract_quantities
from rag.text.tokens import tokenize

SYSTEM = f"""You word a question that somebody asks of a collection of papers. You get a question made by a template and
the text that it was made from. Ask for the same thing in the words of a person who has not read that text.
Do not give the answer, and do not name a paper that the template does not name.
Write one question in one line, and nothing else.
{FENCED}"""

_MAX_TOKENS = 80
_MAX_LENGTH = 300  # characters
_GIVE_UP = 3  # failed requests in a row
_MARKUP = re.compile(r"[<>\[\]{}`|\n]|https?:|_{2,}")


def word_questions(drafts: Sequence[Draft], chat: ChatModel) -> tuple[tuple[Draft, ...], str | None]:
    """Return the drafts in the model's words where these are usable, and why a request failed, if one did.

    After several failures in a row nothing more is requested. Records questions keep their words, which are exact.
    """
    worded, failures, failure = [], 0, None
    for draft in drafts:
        text = None
        if draft.record["type"] != "metadata" and failures < _GIVE_UP:
            try:
                text = _usable(draft, chat.complete(_messages(draft), max_tokens=_MAX_TOKENS).text)
                failures = 0
            except LLMFailed as error:
                failures, failure = failures + 1, str(error)
        worded.append(replace(draft, record={**draft.record, "question": text}) if text else draft)
    return tuple(worded), failure


def _messages(draft: Draft) -> list[Message]:
    asked = f"<paper>\n{escape(draft.passage)}\n</paper>\nTemplate: {draft.record['question']}\nQuestion:"
    return [Message("system", SYSTEM), Message("user", asked)]


def _usable(draft: Draft, reply: str) -> str | None:
    """Return a reply that is one question about the same thing and does not state the answer."""
    text = reply.strip().strip("\"“”'")
    terms = set(tokenize(text))
    known = set(tokenize(f"{draft.record['question']} {draft.passage}"))
    answers = _numbers(" ".join(draft.record.get("answer_facts", ())))
    if not text or len(text) > _MAX_LENGTH or _MARKUP.search(text) or answers & _numbers(text) or not terms & known:
        return None
    if draft.record["type"] == UNANSWERABLE and not terms >= _names(draft):
        return None
    return text


def _numbers(text: str) -> set[float]:
    return {each.number for each in extract_quantities(text)[0]}


def _names(draft: Draft) -> set[str]:
    """Return the terms of the things that an unanswerable question joins: without one of them it may be answered."""
    return set(tokenize(draft.record["question"])) - set(tokenize(COMBINED + UNSTATED))
