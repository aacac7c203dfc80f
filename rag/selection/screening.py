"""Screening: a language model decides for each paper by itself whether it belongs to the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event

from rag.errors import LLMFailed
from rag.llm.prompting import FENCED, NO, format_evidence
from rag.llm.protocol import ChatModel, Message
from rag.text.sanitize import sanitize_markdown
from rag.types import Evidence, Query

YES = "YES"
_WHOLE_CHARACTERS = 4000  # of an abstract that is shown whole; of a longer one the best sentences are
_PROMPT = f"""You decide whether a paper belongs to the answer of a question, from its title and abstract alone.
Write {YES} or {NO}, a colon, and why, in one short sentence.
{YES} is for a paper that is about what the question asks for, {NO} for one that only shares words with it.
{FENCED}"""

_MAX_TOKENS = 60
_MOST_CHARACTERS = 200
_DECISION = re.compile(
    rf"\W*(?:answer|decision)?\W*\b({YES}|{NO})\b(?!\s*(?:or|/)\s*(?:{YES}|{NO})\b)[\s:.,;*_–—-]*", re.IGNORECASE
)
_BECAUSE = re.compile(r"^(?:why|reason)\W+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a paper belongs, and the model's reason, sanitized, if it gave one."""

    belongs: bool
    why: str | None


@dataclass(frozen=True, slots=True)
class Screening:
    """The decisions by paper_id; a paper may have none. `failure` ended the screening early."""

    decisions: Mapping[str, Decision] = field(default_factory=dict)
    failure: LLMFailed | None = None


def screen(query: Query, papers: Sequence[Evidence], chat: ChatModel, parallel: int) -> Screening:
    """Ask about each paper, `parallel` at a time; after the first failure no more papers are asked about."""
    decisions, failure = {}, None
    for each, future in zip(papers, _ask_all(query, papers, chat, parallel), strict=True):
        try:
            reply = future.result()
        except LLMFailed as error:
            failure = failure or error
            continue
        if reply and (decision := parse_decision(reply)):
            decisions[each.paper.paper_id] = decision
    return Screening(decisions, failure)


def parse_decision(reply: str) -> Decision | None:
    """Parse the decision that a reply begins with; None where it is neither YES nor NO."""
    match = _DECISION.match(reply)
    if not match:
        return None
    said = " ".join(_CONTROL.sub(" ", reply[match.end() :]).split())
    why = sanitize_markdown(_BECAUSE.sub("", said))
    why = why if len(why) <= _MOST_CHARACTERS else why[: _MOST_CHARACTERS - 1].rstrip() + "…"
    return Decision(match[1].upper() == YES, why or None)


def screen_messages(question: str, paper: Evidence) -> tuple[Message, ...]:
    """Return the messages that ask whether one paper belongs to the answer."""
    whole = len(paper.paper.abstract) <= _WHOLE_CHARACTERS
    shown = format_evidence(paper, whole, numbered=False)
    asked = f"Question: {question}\n\n{shown}\n\nDoes this paper belong to the answer? {YES} or {NO}, and why:"
    return Message("system", _PROMPT), Message("user", asked)


def _ask_all(query: Query, papers: Sequence[Evidence], chat: ChatModel, parallel: int) -> list[Future[str | None]]:
    """Return a reply for each paper; None for those that were skipped after another's request failed."""
    failed, through = Event(), False

    def ask(paper: Evidence) -> str | None:
        if failed.is_set():
            return None
        try:
            return chat.complete(screen_messages(query.asked, paper), _MAX_TOKENS).text
        except LLMFailed:
            failed.set()
            raise

    pool = ThreadPoolExecutor(parallel, "screen")
    try:
        replies = [pool.submit(ask, paper) for paper in papers]
        wait(replies)
        through = True
    finally:
        if not through:
            chat.close()  # interrupted: ends the requests that nobody waits for
        pool.shutdown(wait=through, cancel_futures=True)
    return replies
