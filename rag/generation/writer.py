"""Written answers: what a language model is sent, and the pieces of its reply as they come.

In mode "whole" one request holds all papers, through LlamaIndex's query engine. In mode "per-paper" each paper has a
short request of its own, with NO allowed: small models, which mix up papers when they write about many, do better so,
and the citation is attached by code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import ceil

from rag.errors import LLMFailed
from rag.generation.draft import Draft
from rag.generation.extractive import heading
from rag.generation.instruction_filter import repeats_instructions
from rag.generation.prompts import answer_messages, one_paper_messages
from rag.generation.reply_checks import says_nothing
from rag.llm.prompting import NO, format_evidence
from rag.llm.protocol import ChatModel, Message, Reply
from rag.llm.reply import is_refusal
from rag.llm.usage import UsageMeter
from rag.settings import Settings
from rag.text.citation_markers import MARKER, without_any_markers
from rag.types import Evidence, Query, Turn

_FORMAT_TOKENS = 40  # of the chat format
_PREVIOUS_CHARACTERS = 4000  # of the answer before
_UNKNOWN_VOCABULARY = 1.1  # tokens of the model's vocabulary for each of ours, until the endpoint reports a count
_MOST_TOKENS_RATIO = 2.0  # whatever an endpoint reports
_LEAST_LEARNT = 200  # tokens of a prompt whose count is worth learning from
_ONE_PAPER_TOKENS = 120
_NO = re.compile(rf"\W*(?:{NO}\b|(?i:{NO})[*_'\"]*\s*(?:[.,:;!–—]|$))")
_YES = re.compile(r"^YES\b[\s.,:;!–—-]*")


class TokenCounter:
    """Counts tokens with an encoding of its own, corrected by what the endpoint reports for the model in use."""

    def __init__(self, encode: Callable[[str], Sized]) -> None:
        self._encode = encode
        self._ratio = _UNKNOWN_VOCABULARY

    def count(self, text: str) -> int:
        """Estimate a text's tokens, rather too many than too few."""
        return ceil(len(self._encode(text)) * self._ratio)

    def learn(self, text: str, reported: int | None) -> None:
        """Correct later estimates by an endpoint's count of a prompt."""
        if reported is not None and reported >= _LEAST_LEARNT:
            self._ratio = min(max(reported / max(len(self._encode(text)), 1), 1.0), _MOST_TOKENS_RATIO)


@dataclass(slots=True)
class WritingOutcome:
    """What became of a reply besides its text; counts are of papers.

    `left_out` did not fit into the context. Where each paper has a request, `unasked` were skipped after failures and
    `shortened` had a truncated reply, `repeated` one that repeated the instructions. `truncated` says why the endpoint
    ended the whole reply early.
    """

    left_out: int = 0
    failures: list[LLMFailed] = field(default_factory=list)
    truncated: str | None = None
    unasked: int = 0
    shortened: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes answers with a chat model that is opened for each question."""

    settings: Settings
    counter: TokenCounter
    open_chat: Callable[[], ChatModel]

    def fit(self, draft: Draft, share: float = 1.0) -> dict[int, str]:
        """Format as much evidence as fits into a share of the context, by number; with room left, candidates too."""
        settings, query = self.settings, draft.query
        per_paper = settings.llm_mode == "per-paper"
        asked = one_paper_messages(query.asked, "") if per_paper else self._messages(draft, {}, considers=True)
        prompt = sum(self.counter.count(message.content) for message in asked) + _FORMAT_TOKENS
        budget = int(share * (settings.llm_context - settings.llm_max_tokens - prompt))
        if per_paper:
            alone = [fit_evidence([each], budget, self.counter.count, numbered=False) for each in draft.evidence]
            return {n: text for fitted in alone for n, text in fitted.items()}
        shown = fit_evidence(draft.evidence, budget, self.counter.count)
        budget -= sum(map(self.counter.count, shown.values()))
        for each in draft.candidates if len(shown) == len(draft.evidence) else ():
            text = format_evidence(each)
            if (cost := self.counter.count(text)) > budget:
                break
            shown[each.n] = text
            budget -= cost
        return shown

    def write(
        self, draft: Draft, sent: dict[int, str], llm: UsageMeter, outcome: WritingOutcome
    ) -> Generator[str, None, None]:
        """Yield the reply to the formatted papers `sent` in pieces, and fill `outcome`; raises LLMFailed."""
        query, evidence = draft.query, draft.evidence
        outcome.left_out = sum(each.n not in sent for each in evidence)
        if self.settings.llm_mode == "per-paper":
            papers = [(each, sent[each.n]) for each in evidence if each.n in sent]
            yield from write_per_paper(query, papers, llm, self.settings.llm_parallel, outcome)
            return
        from rag.generation.llama_index import stream_answer  # 1 s of imports

        previous = _by_evidence(draft)
        yield from stream_answer(llm, query, list(sent.values()), previous, _considers(draft, sent))
        outcome.truncated = llm.cut

    def learn(self, draft: Draft, sent: dict[int, str], llm: UsageMeter) -> None:
        """Compare the endpoint's token count of the last prompt with the estimate."""
        spent = llm.steps["write"]
        if self.settings.llm_mode == "whole" and spent.calls == 1:
            messages = self._messages(draft, sent, _considers(draft, sent))
            self.counter.learn("\n".join(message.content for message in messages), spent.prompt_tokens)

    def _messages(self, draft: Draft, sent: dict[int, str], considers: bool) -> tuple[Message, ...]:
        query = draft.query
        return answer_messages(query.asked, list(sent.values()), query.kind, _by_evidence(draft), considers)


def _considers(draft: Draft, sent: dict[int, str]) -> bool:
    """Return whether the model is asked why it does not use a paper: where it was sent more than surely belong."""
    return draft.query.kind in ("list", "summary", "compare") and any(each.n in sent for each in draft.candidates)


def _by_evidence(draft: Draft) -> Turn | None:
    """Return the previous turn with the numbers of the evidence in its answer; other markers are left out."""
    turn = draft.previous
    if turn is None or not turn.answer:
        return None
    numbers = {each.paper.paper_id: each.n for each in (*draft.evidence, *draft.candidates)}

    def renumbered(match: re.Match[str]) -> str:
        index = int(match[1]) - 1
        n = numbers.get(turn.citations[index]) if 0 <= index < len(turn.citations) else None
        return f"[{n}]" if n else ""

    answer = MARKER.sub(renumbered, turn.answer)
    return replace(turn, answer=answer if len(answer) <= _PREVIOUS_CHARACTERS else f"{answer[:_PREVIOUS_CHARACTERS]}…")


def fit_evidence(
    evidence: Sequence[Evidence], budget: int, count: Callable[[str], int], numbered: bool = True
) -> dict[int, str]:
    """Format as much evidence as `budget` tokens hold, best papers first, by number.

    Every paper is shown by its chosen sentences where they fit; the remaining budget shows the best by their whole
    abstracts.
    """
    shown: dict[int, str] = {}
    costs: dict[int, int] = {}
    for each in evidence:
        text = format_evidence(each, whole=False, numbered=numbered)
        if (cost := count(text)) <= budget:
            shown[each.n], costs[each.n] = text, cost
            budget -= cost
    for each in evidence:
        text = format_evidence(each, numbered=numbered)
        if each.n in shown and (more := count(text) - costs[each.n]) <= budget:
            shown[each.n] = text
            budget -= more
    return shown


def write_per_paper(
    query: Query, papers: Sequence[tuple[Evidence, str]], llm: ChatModel, parallel: int, outcome: WritingOutcome
) -> Generator[str, None, None]:
    """Yield a list item for each formatted paper that answers, in order, as soon as it is there.

    At most `parallel` requests run at a time. Raises LLMFailed where the first fails or the model declines throughout;
    after two failures in a row no more are made.
    """
    with ThreadPoolExecutor(parallel, "per-paper") as pool:
        asked = [
            pool.submit(llm.complete, one_paper_messages(query.asked, text), _ONE_PAPER_TOKENS) for _, text in papers
        ]
        replies: list[Reply | None] = []
        answered = False
        try:
            for (evidence, _), future in zip(papers, asked, strict=True):
                reply = _reply(future, outcome, first=not replies)
                replies.append(reply)
                if replies[-2:] == [None, None]:
                    break
                if reply and (said := _answer_of(reply, outcome)):
                    answered, outcome.shortened = True, outcome.shortened + bool(reply.cut)
                    yield f"- {heading(query, evidence)}{said}{'…' if reply.cut else ''} [{evidence.n}]\n"
        finally:
            outcome.unasked = len(papers) - len(replies)
            pool.shutdown(wait=False, cancel_futures=True)
            if any(not future.done() for future in asked):
                llm.close()  # ends the requests that nobody waits for
    answers = [reply.text for reply in replies if reply]
    if answers and all(map(is_refusal, answers)):
        raise LLMFailed(f"{llm.name} declined to answer.")
    if outcome.failures and not answered:
        raise outcome.failures[0]
    if outcome.repeated and not answered:
        raise LLMFailed(f"{llm.name} repeated its instructions in place of an answer.")


def _reply(future: Future[Reply], outcome: WritingOutcome, first: bool) -> Reply | None:
    """Wait for a reply; None for one that failed, whose error is kept in the outcome unless it was the first."""
    try:
        return future.result()
    except LLMFailed as error:
        if first:
            raise
        outcome.failures.append(error)
        return None


def _answer_of(reply: Reply, outcome: WritingOutcome) -> str:
    """Return the sentence of a reply; "" for a no, for a refusal, and for one that repeats the instructions."""
    if repeats_instructions(reply.text):
        outcome.repeated += 1
        return ""
    said = _YES.sub("", " ".join(without_any_markers(reply.text).split()).lstrip("-*# "))
    return "" if _NO.match(said) or says_nothing(said) or is_refusal(said) else said


def load_writer(settings: Settings) -> Writer:
    """Load what writes answers with the configured endpoint."""
    from llama_index.core.utils import get_tokenizer  # 1 s of imports; its tokenizer's files come with it

    from rag.llm.client import KnownLimits, open_chat
    from rag.llm.reasoning import reasons_first

    known = KnownLimits(reasons_first(settings.llm_model or ""))
    return Writer(settings, TokenCounter(get_tokenizer()), lambda: open_chat(settings, known=known))
