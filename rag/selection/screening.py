"""A paper at a time: does it belong to the answer, and why?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event

from rag.errors import LLMFailed
from rag.llm.prompt_parts import NO
from rag.llm.protocol import ChatModel
from rag.retrieval.expansion.prompts import YES, screen_messages
from rag.text.sanitize import sanitize_markdown
from rag.types import Evidence, Query

_MAX_TOKENS = 60
_MOST_CHARACTERS = 200
_DECISION = re.compile(
    rf"\W*(?:answer|decision)?\W*\b({YES}|{NO})\b(?!\s*(?:or|/)\s*(?:{YES}|{NO})\b)[\s:.,;*_–—-]*", re.IGNORECASE
)
_BECAUSE = re.compile(r"^(?:why|reason)\W+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a paper belongs, and why in the model's words, made inert; None where it gave no reason."""

    belongs: bool
    why: str | None


@dataclass(frozen=True, slots=True)
class Screening:
    """The decisions by paper_id; a paper without one was not decided on. `failure` ended the screening early."""

    decisions: Mapping[str, Decision] = field(default_factory=dict)
    failure: LLMFailed | None = None


def screen(query: Query, papers: Sequence[Evidence], chat: ChatModel, side_by_side: int) -> Screening:
    """Ask about each paper by itself, at most so many side by side; after the first failure no more is asked."""
    decisions, failure = {}, None
    for each, future in zip(papers, _ask_all(query, papers, chat, side_by_side), strict=True):
        try:
            reply = future.result()
        except LLMFailed as error:
            failure = failure or error
            continue
        if reply and (decision := decision_in(reply)):
            decisions[each.paper.paper_id] = decision
    return Screening(decisions, failure)


def decision_in(reply: str) -> Decision | None:
    """Read a decision that the reply begins with; None where it is neither YES nor NO."""
    match = _DECISION.match(reply)
    if not match:
        return None
    said = " ".join(_CONTROL.sub(" ", reply[match.end() :]).split())
    why = sanitize_markdown(_BECAUSE.sub("", said))
    why = why if len(why) <= _MOST_CHARACTERS else why[: _MOST_CHARACTERS - 1].rstrip() + "…"
    return Decision(match[1].upper() == YES, why or None)


def _ask_all(query: Query, papers: Sequence[Evidence], chat: ChatModel, side_by_side: int) -> list[Future[str | None]]:
    """Get a reply for each paper; None for those that were left out because another's request failed before."""
    failed, through = Event(), False

    def ask(paper: Evidence) -> str | None:
        if failed.is_set():
            return None
        try:
            return chat.complete(screen_messages(query.asked, paper), _MAX_TOKENS).text
        except LLMFailed:
            failed.set()
            raise

    pool = ThreadPoolExecutor(side_by_side, "screen")
    try:
        replies = [pool.submit(ask, paper) for paper in papers]
        wait(replies)
        through = True
    finally:
        if not through:
            chat.close()  # interrupted: ends the requests that nobody waits for
        pool.shutdown(wait=through, cancel_futures=True)
    return replies
