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

_MAX_TOKENS = 120
_NO = re.compile(rf"\W*{NO}\b(?![- ](?:one|other|need)\b)", re.IGNORECASE)
_MARKER = re.compile(r"\s*[\[［【]\s*\d[\d\s,;–-]*[\]］】]")


@dataclass(slots=True)
class Parts:
    """What became of the papers: those that the model saw no answer in, and what failed."""

    without: list[Evidence] = field(default_factory=list)
    failures: list[LLMFailed] = field(default_factory=list)


def write_per_paper(
    query: Query, evidence: Sequence[Evidence], chat: ChatModel, side_by_side: int, parts: Parts
) -> Generator[str, None, str | None]:
    """Yield a list item for each paper that answers, in order, as each is there; fills `parts`.

    At most so many requests run side by side. Raises LLMFailed where every request failed; returns why an item was cut.
    """
    cut = None
    with ThreadPoolExecutor(side_by_side, "per-paper") as pool:
        asked = [pool.submit(_ask, query.asked, each, chat) for each in evidence]
        try:
            for each, future in zip(evidence, asked, strict=True):
                item, reason = _item(query, each, future, parts)
                cut = cut or reason
                if item:
                    yield item
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if any(not future.done() for future in asked):
                chat.close()  # ends the requests that nobody waits for
    if parts.failures and len(parts.failures) == len(evidence):
        raise parts.failures[0]
    return cut


def _ask(question: str, evidence: Evidence, chat: ChatModel) -> Reply:
    return chat.complete(one_paper_messages(question, format_evidence(evidence, numbered=False)), _MAX_TOKENS)


def _item(query: Query, evidence: Evidence, future: Future[Reply], parts: Parts) -> tuple[str | None, str | None]:
    try:
        reply = future.result()
    except LLMFailed as error:
        parts.failures.append(error)
        return None, None
    said = " ".join(_MARKER.sub("", reply.text).split()).lstrip("-*# ")
    if not said or _NO.match(said):
        parts.without.append(evidence)
        return None, None
    return f"- {heading(query, evidence)}{said} [{evidence.n}]\n", reply.cut
