"""Screening: a language model decides for each paper of a list by itself whether it belongs to the answer.

One structured request asks about all papers, or as many as the context holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rag.errors import LLMFailed
from rag.llm.prompting import FENCED, format_evidence
from rag.llm.protocol import ChatModel, Message
from rag.text.sanitize import sanitize_markdown
from rag.types import Evidence, Paper, Query

_WHOLE_CHARACTERS = 2500  # of an abstract that is shown whole; of a longer one the best sentences are
_CHARACTERS_A_TOKEN = 3
_PAPER_TOKENS = 60  # of a reply, for each paper
_BRACKET_TOKENS = 100
_INSTRUCTIONS_TOKENS = 400
_MOST_CHARACTERS = 200  # of a reason
_SYSTEM = f"""You decide which papers belong to the answer of a question, each by itself, from titles and
abstracts alone. A paper belongs if it is about what the question asks for, not if it only shares words with it.
Often many do not. Return for every paper its number, whether it belongs, and why or why not, in at most a dozen words.
{FENCED}"""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "papers": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "paper": {"type": "integer"},
                    "why": {"type": "string"},
                    "belongs": {"type": "string", "enum": ["yes", "no"]},
                },
                "required": ["paper", "why", "belongs"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["papers"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a paper belongs, and the model's reason, sanitized, if it gave one."""

    belongs: bool
    why: str | None


@dataclass(frozen=True, slots=True)
class Screening:
    """The decisions by paper_id; a paper may have none. `failure` is the first of the requests' errors."""

    decisions: Mapping[str, Decision] = field(default_factory=dict)
    failure: LLMFailed | None = None


def screen(query: Query, papers: Sequence[Evidence], chat: ChatModel, context: int, parallel: int = 1) -> Screening:
    """Ask about papers, in as few requests as a context of that many tokens allows, `parallel` at a time."""
    batches = _batches(papers, context)
    decisions: dict[str, Decision] = {}
    failure = None
    through = False
    pool = ThreadPoolExecutor(parallel, "screen")
    try:
        replies = [pool.submit(_ask, query.asked, batch, chat) for batch in batches]
        for batch, future in zip(batches, replies, strict=True):
            try:
                decisions |= parse_decisions(future.result(), batch)
            except LLMFailed as error:
                failure = failure or error
                for other in replies:
                    other.cancel()
                break
        through = True
    finally:
        if not through:
            chat.close()  # interrupted: ends the requests that nobody waits for
        pool.shutdown(wait=through, cancel_futures=True)
    return Screening(decisions, failure)


def screen_messages(question: str, papers: Sequence[Evidence]) -> tuple[Message, ...]:
    """Return the messages that ask which papers belong to the answer."""
    shown = "\n\n".join(_shown(each) for each in papers)
    return Message("system", _SYSTEM), Message("user", f"{shown}\n\nQuestion: {question}\nWhich of them belong?")


def parse_decisions(reply: str, papers: Sequence[Evidence]) -> dict[str, Decision]:
    """Parse the decisions of a reply by paper_id; what is not in the form asked for decides nothing."""
    try:
        entries = json.loads(reply)["papers"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    by_number = {each.n: each.paper.paper_id for each in papers}
    found: dict[str, Decision] = {}
    for entry in entries if isinstance(entries, list) else ():
        given = entry if isinstance(entry, dict) else {}
        paper_id, belongs = by_number.get(given.get("paper", 0)), given.get("belongs")
        if paper_id and belongs in ("yes", "no"):
            found.setdefault(paper_id, Decision(belongs == "yes", _reason(given.get("why"))))
    return found


def can_screen(chat: ChatModel) -> bool:
    """Return whether a model can distinguish papers that belong to a question from those that only share its words.

    Raises LLMFailed where the endpoint fails.
    """
    decided = screen(Query(_TRIAL_QUESTION, "list", _TRIAL_QUESTION), _TRIAL, chat, context=4096)
    if decided.failure:
        raise decided.failure
    return {name for name, decision in decided.decisions.items() if decision.belongs} == _TRIAL_BELONG


def _ask(question: str, papers: Sequence[Evidence], chat: ChatModel) -> str:
    tokens = _BRACKET_TOKENS + _PAPER_TOKENS * len(papers)
    return chat.complete(screen_messages(question, papers), tokens, SCHEMA).text


def _batches(papers: Sequence[Evidence], context: int) -> list[tuple[Evidence, ...]]:
    """Split papers into equal parts, each of which fits into the context with its reply."""
    room = max(context - _INSTRUCTIONS_TOKENS - _BRACKET_TOKENS, 1)
    tokens = sum(len(_shown(each)) // _CHARACTERS_A_TOKEN + _PAPER_TOKENS for each in papers)
    requests = min(-(-tokens // room), len(papers))
    size = -(-len(papers) // requests) if papers else 1
    return [tuple(papers[start : start + size]) for start in range(0, len(papers), size)]


def _shown(paper: Evidence) -> str:
    return format_evidence(paper, whole=len(paper.paper.abstract) <= _WHOLE_CHARACTERS)


def _reason(why: object) -> str | None:
    if not isinstance(why, str):
        return None
    said = sanitize_markdown(" ".join(why.split()))
    return (said if len(said) <= _MOST_CHARACTERS else said[: _MOST_CHARACTERS - 1].rstrip() + "…") or None


_TRIAL_QUESTION = "Which papers make bread keep for longer?"
_TRIAL_PAPERS = (
    ("a", "Sourdough against Mould", "Lactic acid of sourdough delays mould, and loaves keep four days longer."),
    ("b", "Shelf Life of Bread Boxes", "We measure how long wooden boxes for bread last before their hinges break."),
    ("c", "Freezing Dough", "Bread from dough that was frozen stays soft for six days, against three for fresh dough."),
    ("d", "The Price of Bread", "The price of bread rose for longer than that of milk in eleven cities."),
)
_TRIAL = tuple(
    Evidence(n, Paper(paper_id, title, abstract), ())
    for n, (paper_id, title, abstract) in enumerate(_TRIAL_PAPERS, start=1)
)
_TRIAL_BELONG = {"a", "c"}
