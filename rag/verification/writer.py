"""The written answer: a model's reply shown as it comes, checked, completed and, where it fails, replaced."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from rag.answer import Answer, Checked, Event
from rag.clock import Clock
from rag.errors import ContextOverflow, LLMFailed
from rag.generation.context_budget import OVERHEAD_TOKENS, TokenCounter, fit_evidence
from rag.generation.draft import Draft
from rag.generation.per_paper import Outcome, write_per_paper
from rag.generation.prompts import answer_messages
from rag.generation.reply_checks import in_another_language, is_wordless
from rag.llm.declines import declines
from rag.llm.protocol import ChatModel
from rag.llm.usage import Meter
from rag.models.entailment import load_entailment
from rag.settings import Settings
from rag.verification.checked_text import CheckedText
from rag.verification.finish import finish
from rag.verification.judge import SentenceJudge

_NO_ROOM = "No paper fits into CITEDESK_LLM_CONTEXT beside the question and the answer."
_SHARES = (1.0, 0.5)  # of the budget: the second where the endpoint says that the first was too much

Synthesize = Callable[[Sequence[str]], Generator[str, None, None]]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes answers by a chat model that is opened anew for each."""

    settings: Settings
    judge: SentenceJudge
    counter: TokenCounter
    open_chat: Callable[[], ChatModel]

    def write(self, draft: Draft, meter: Meter, synthesize: Synthesize, clock: Clock) -> Generator[Event, None, Answer]:
        """Stream a written answer; where the endpoint fails, the extractive one stands in and says why.

        `synthesize` streams one from formatted papers, through the query engine.
        """
        for share in _SHARES:
            sent = self._fit(draft, share)
            if not sent:
                return draft.extractive(_NO_ROOM)
            text = CheckedText([each for each in draft.evidence if each.n in sent], self.judge)
            try:
                with meter.step("write"):
                    outcome = yield from self._show(draft, text, sent, meter, synthesize, clock)
                self._learn(draft, sent, meter)
                return (yield from finish(draft, text, meter, self.judge, self.settings.unsupported, outcome))
            except LLMFailed as error:
                failure = error
                if text.text or not isinstance(error, ContextOverflow):
                    break
        return draft.extractive(f"{failure} The extractive answer stands in for it.")

    def _fit(self, draft: Draft, share: float) -> dict[int, str]:
        settings = self.settings
        question = self.counter.count(draft.query.asked)
        budget = int(share * (settings.llm_context - settings.llm_max_tokens - OVERHEAD_TOKENS - question))
        if settings.llm_mode == "per-paper":
            each_alone = [fit_evidence([each], budget, self.counter.count, numbered=False) for each in draft.evidence]
            return {n: text for fitted in each_alone for n, text in fitted.items()}
        return fit_evidence(draft.evidence, budget, self.counter.count)

    def _learn(self, draft: Draft, sent: dict[int, str], meter: Meter) -> None:
        """Compare the endpoint's count of the prompt with ours."""
        spent = meter.steps["write"]
        if self.settings.llm_mode == "whole" and spent.calls == 1:
            messages = answer_messages(draft.query.asked, list(sent.values()), draft.query.kind)
            self.counter.learn("\n".join(message.content for message in messages), spent.prompt_tokens)

    def _show(
        self,
        draft: Draft,
        text: CheckedText,
        sent: dict[int, str],
        meter: Meter,
        synthesize: Synthesize,
        clock: Clock,
    ) -> Generator[Event, None, Outcome]:
        """Show a reply as it comes; returns what else became of it."""
        outcome = Outcome(left_out=len(draft.evidence) - len(sent))
        if self.settings.llm_mode == "per-paper":
            papers = [(each, sent[each.n]) for each in draft.evidence if each.n in sent]
            pieces = write_per_paper(draft.query, papers, meter, self.settings.llm_parallel, outcome)
        else:
            pieces = synthesize(list(sent.values()))
        clock.lap("prompt")
        with closing(pieces):
            for piece in pieces:
                clock.lap("write" if text.text else "first_token")
                yield from _sane(draft, text, meter, text.feed(piece))
        yield from _sane(draft, text, meter, text.end())
        _check_sanity(draft, text, meter)  # of a reply without a sentence too
        if is_wordless(text.text):
            raise LLMFailed(f"{meter.name} wrote no word.")
        if self.settings.llm_mode == "whole":
            outcome.cut = meter.cut
        return outcome


def _sane(draft: Draft, text: CheckedText, meter: Meter, events: Iterator[Event]) -> Iterator[Event]:
    """Pass events on, each sentence only once the reply up to it is known to be an answer."""
    for event in events:
        if isinstance(event, Checked):
            _check_sanity(draft, text, meter)
        yield event


def _check_sanity(draft: Draft, text: CheckedText, meter: Meter) -> None:
    """Raise LLMFailed for a reply that is no answer."""
    if declines(text.text):
        raise LLMFailed(f"{meter.name} declined to answer.")
    if in_another_language(draft.query.asked, text.text):
        raise LLMFailed(f"{meter.name} answered in another language than the question's.")


def load_writer(settings: Settings) -> Writer:
    """Load what writes answers by the configured endpoint; raises ModelUnavailable where the judge is not there."""
    from llama_index.core.utils import get_tokenizer  # its tokenizer's files come with it

    from rag.llm.chat import open_chat

    counter = TokenCounter(get_tokenizer())
    return Writer(settings, SentenceJudge(load_entailment()), counter, lambda: open_chat(settings))
