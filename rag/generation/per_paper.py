"""An answer put together from one short request per paper: what small models can do.

A model that invents papers when it writes over many abstracts is asked about one at a time, with NO allowed; the
citation is attached here, where it cannot be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from rag.errors import LLMFailed
from rag.generation.extractive import heading
from rag.generation.prompts import one_paper_messages
from rag.generation.reply_checks import says_nothing
from rag.llm.declines import declines
from rag.llm.prompt_parts import NO
from rag.llm.protocol import ChatModel, Reply
from rag.text.citation_markers import without_any_markers
from rag.types import Evidence, Query

_MAX_TOKENS = 120
_NO = re.compile(rf"\W*(?:{NO}\b|(?i:{NO})[*_'\"]*\s*(?:[.,:;!–—]|$))")
_YES = re.compile(r"^YES\b[\s.,:;!–—-]*")


@dataclass(slots=True)
class Outcome:
    """What became of a reply beside its text: how many papers did not fit into it, what failed, why it was cut.

    Where each paper has a request, some may be `unasked` after failures, and `shortened` counts the replies that were
    cut; the answer as a whole is not.
    """

    left_out: int = 0
    failures: list[LLMFailed] = field(default_factory=list)
    cut: str | None = None
    unasked: int = 0
    shortened: int = 0


def write_per_paper(
    query: Query, papers: Sequence[tuple[Evidence, str]], chat: ChatModel, side_by_side: int, outcome: Outcome
) -> Generator[str, None, None]:
    """Yield a list item for each formatted paper that answers, in order, as each is there; fills `outcome`.

    At most so many requests run side by side. Raises LLMFailed where the first fails or the model declines throughout;
    after two failures in a row no more are made.
    """
    with ThreadPoolExecutor(side_by_side, "per-paper") as pool:
        asked = [pool.submit(chat.complete, one_paper_messages(query.asked, text), _MAX_TOKENS) for _, text in papers]
        replies: list[Reply | None] = []
        answered = False
        try:
            for (evidence, _), future in zip(papers, asked, strict=True):
                reply = _reply(future, outcome, first=not replies)
                replies.append(reply)
                if replies[-2:] == [None, None]:
                    break
                if reply and (said := _said(reply)):
                    answered, outcome.shortened = True, outcome.shortened + bool(reply.cut)
                    yield f"- {heading(query, evidence)}{said}{'…' if reply.cut else ''} [{evidence.n}]\n"
        finally:
            outcome.unasked = len(papers) - len(replies)
            pool.shutdown(wait=False, cancel_futures=True)
            if any(not future.done() for future in asked):
                chat.close()  # ends the requests that nobody waits for
    answers = [reply.text for reply in replies if reply]
    if answers and all(map(declines, answers)):
        raise LLMFailed(f"{chat.name} declined to answer.")
    if outcome.failures and not answered:
        raise outcome.failures[0]


def _reply(future: Future[Reply], outcome: Outcome, first: bool) -> Reply | None:
    """Wait for a reply; None for one that failed, which is kept in the outcome unless nothing came before it."""
    try:
        return future.result()
    except LLMFailed as error:
        if first:
            raise
        outcome.failures.append(error)
        return None


def _said(reply: Reply) -> str:
    """Give the sentence of a reply; nothing for a no, and for a refusal."""
    said = _YES.sub("", " ".join(without_any_markers(reply.text).split()).lstrip("-*# "))
    return "" if _NO.match(said) or says_nothing(said) or declines(said) else said
