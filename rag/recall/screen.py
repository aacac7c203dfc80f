"""A paper at a time: does it belong to the answer, and why?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from rag.chat import ChatModel
from rag.errors import LLMFailed
from rag.inert import inert
from rag.recall.prompts import YES, screen_messages
from rag.types import Evidence, Query
from rag.writing.prompts import NO

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
    replies = _ask_all([_asking(query, each, chat) for each in papers], chat, side_by_side)
    decisions, failure = {}, None
    for each, future in zip(papers, replies, strict=True):
        if future.cancelled():
            continue
        try:
            decision = decision_in(future.result())
        except LLMFailed as error:
            failure = failure or error
            continue
        if decision:
            decisions[each.paper.paper_id] = decision
    return Screening(decisions, failure)


def decision_in(reply: str) -> Decision | None:
    """Read a decision that the reply begins with; None where it is neither YES nor NO."""
    match = _DECISION.match(reply)
    if not match:
        return None
    said = " ".join(_CONTROL.sub(" ", reply[match.end() :]).split())
    why = inert(_BECAUSE.sub("", said))
    why = why if len(why) <= _MOST_CHARACTERS else why[: _MOST_CHARACTERS - 1].rstrip() + "…"
    return Decision(match[1].upper() == YES, why or None)


def _asking(query: Query, paper: Evidence, chat: ChatModel) -> Callable[[], str]:
    return lambda: chat.complete(screen_messages(query.question, paper), _MAX_TOKENS).text


def _ask_all(asking: Sequence[Callable[[], str]], chat: ChatModel, side_by_side: int) -> list[Future[str]]:
    """Run requests side by side until all are through or one failed; those that had not begun are cancelled."""
    pool = ThreadPoolExecutor(side_by_side, "screen")
    settled = False
    try:
        futures = [pool.submit(ask) for ask in asking]
        wait(futures, return_when=FIRST_EXCEPTION)
        pool.shutdown(cancel_futures=True)
        settled = True
    finally:
        if not settled:  # interrupted: ends the requests that nobody waits for
            chat.close()
            pool.shutdown(wait=False, cancel_futures=True)
    return futures
