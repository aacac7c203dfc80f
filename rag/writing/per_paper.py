"""An answer put together from one short request per paper: what small models can do.

A model that invents papers when it writes over many abstracts is asked about one at a time, with NO allowed; the
citation is attached here, where it cannot be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from rag.chat import ChatModel, Reply
from rag.errors import LLMFailed
from rag.extractive import heading
from rag.types import Evidence, Query
from rag.writing.prompts import NO, format_evidence, one_paper_messages
from rag.writing.sanity import declines

_MAX_TOKENS = 120
_NO = re.compile(rf"\W*(?:{NO}\b|(?i:{NO})[*_'\"]*\s*(?:[.,:;!–—]|$))")
_YES = re.compile(r"^YES\b[\s.,:;!–—-]*")
_MARKER = re.compile(r"\s*[\[［【]\s*\d[\d\s,;–-]*[\]］】]")


@dataclass(slots=True)
class Outcome:
    """What became of a reply beside its text: how many papers did not fit into it, what failed, why it was cut."""

    left_out: int = 0
    failures: list[LLMFailed] = field(default_factory=list)
    cut: str | None = None


def write_per_paper(
    query: Query, evidence: Sequence[Evidence], chat: ChatModel, side_by_side: int, outcome: Outcome
) -> Generator[str, None, None]:
    """Yield a list item for each paper that answers, in order, as each is there; fills `outcome`.

    At most so many requests run side by side. Raises LLMFailed where every request failed.
    """
    with ThreadPoolExecutor(side_by_side, "per-paper") as pool:
        asked = [pool.submit(_ask, query.asked, each, chat) for each in evidence]
        try:
            for each, future in zip(evidence, asked, strict=True):
                if item := _item(query, each, future, outcome):
                    yield item
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if any(not future.done() for future in asked):
                chat.close()  # ends the requests that nobody waits for
    if outcome.failures and len(outcome.failures) == len(evidence):
        raise outcome.failures[0]


def _ask(question: str, evidence: Evidence, chat: ChatModel) -> Reply:
    return chat.complete(one_paper_messages(question, format_evidence(evidence, numbered=False)), _MAX_TOKENS)


def _item(query: Query, evidence: Evidence, future: Future[Reply], outcome: Outcome) -> str | None:
    try:
        reply = future.result()
    except LLMFailed as error:
        outcome.failures.append(error)
        return None
    said = _YES.sub("", " ".join(_MARKER.sub("", reply.text).split()).lstrip("-*# "))
    if not said or _NO.match(said) or declines(said):
        return None
    outcome.cut = outcome.cut or reply.cut
    return f"- {heading(query, evidence)}{said} [{evidence.n}]\n"
