"""One question's recall by a model: which steps are on, in which order, what they cost, and what failed of them.

Rewriting, HyDE and iterating only add texts to search for; the question keeps half of every signal, and ranking,
probabilities and the cross-encoder are those of any question. Screening takes the place of the cut of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rag.answer import Answer, Citation
from rag.clock import Clock
from rag.errors import LLMFailed
from rag.llm.protocol import ChatModel
from rag.llm.usage import Meter
from rag.retrieval.expansion.hyde import hypothetical
from rag.retrieval.expansion.iterate import SHOWN, missing
from rag.retrieval.expansion.rewrite import rewritten
from rag.retrieval.scoring import nearest_first
from rag.selection.cut import Choice, choose
from rag.selection.screening import Decision, Screening, screen
from rag.settings import RECALL_STEPS, RecallStep, Settings
from rag.types import Evidence, Hit, Paper, Query

Find = Callable[[Query], tuple[Hit, ...]]
Show = Callable[[Query, Sequence[Paper]], tuple[Evidence, ...]]
Ask = Callable[[Query, ChatModel], tuple[str, ...]]

_KINDS = ("list", "fact", "compare")  # a title and records are found without
_NAMES: Mapping[RecallStep, str] = {
    "rewrite": "Rewriting the question",
    "hyde": "Making up an abstract to search with",
    "iterate": "Asking for what is missing",
    "screen": "Screening the papers",
}


class Recall:
    """What a model does for the recall of one question; without a `meter` all is as if no step were on.

    A step that fails is told in the notice, and the steps after it are left out, so that an endpoint that fails is not
    asked again and again. Only the writer asks it once more: its failure has a way out of its own.
    """

    def __init__(self, settings: Settings, meter: Meter | None, clock: Clock) -> None:
        self._settings = settings
        self._meter = meter
        self._clock = clock
        self._failed = False
        self._notices: list[str] = []
        self._decisions: Mapping[str, Decision] = {}

    @property
    def notice(self) -> str | None:
        """What failed or gave nothing, in plain sentences."""
        return " ".join(self._notices) or None

    def find(self, query: Query, find: Find, show: Show) -> tuple[Query, tuple[Hit, ...]]:
        """Search for the question and for what a model adds to it; gives the query with that as `further`."""
        query = self._widened("hyde", self._widened("rewrite", query, rewritten), hypothetical)
        hits = self._timed(query, find)
        for _ in range(self._settings.recall_rounds):
            wider = self._widened("iterate", query, _missing_beside(hits, show))
            if wider == query:
                break
            query, hits = wider, self._timed(wider, find)
        return query, hits

    def choose(self, query: Query, hits: Sequence[Hit], show: Show) -> Choice:
        """Decide what is cited; of a list, by asking about each paper of the pool that is as deep as set.

        A paper on which the model did not decide is cited if the cut would cite it.
        """
        meter = self._open("screen", query)
        if meter is None:
            return choose(query, hits)
        pool = [hit.paper for hit in nearest_first(hits)[: self._settings.screen_depth]]
        shown = show(query, pool)
        self._clock.lap("evidence")
        with meter.step("screen"):
            screening = screen(query, shown, meter, self._settings.llm_parallel)
        self._clock.lap("recall")
        self._note_screening(screening, len(pool))
        self._decisions = screening.decisions
        decided = {paper_id: each.belongs for paper_id, each in screening.decisions.items()}
        return choose(query, hits, decided, self._settings.screen_odds)

    def finish(self, answer: Answer) -> Answer:
        """Give an answer with what failed of the steps, and why it cites what it cites."""
        return replace(
            answer,
            citations=self._explained(answer.citations),
            near_misses=self._explained(answer.near_misses),
            notice=" ".join(part for part in (answer.notice, self.notice) if part) or None,
        )

    def _open(self, step: RecallStep, query: Query) -> Meter | None:
        """Give the model for a step that is on, that the kind of question allows, and before which none failed."""
        return self._meter if not self._failed and self._is_on(step, query) else None

    def _is_on(self, step: RecallStep, query: Query) -> bool:
        return step in self._settings.recall and query.kind in (("list",) if step == "screen" else _KINDS)

    def _widened(self, step: RecallStep, query: Query, ask: Ask) -> Query:
        """Add what a step asks to be searched for."""
        meter = self._open(step, query)
        if meter is None:
            return query
        texts: tuple[str, ...] = ()
        try:
            with meter.step(step):
                texts = ask(query, meter)
        except LLMFailed as error:
            self._fail(step, query, error)
        else:
            if not texts and step != "iterate":  # which may find nothing missing
                self._notices.append(f"{_NAMES[step]} gave nothing that can be searched for.")
        self._clock.lap("recall")
        return replace(query, further=(*query.further, *texts))

    def _timed(self, query: Query, find: Find) -> tuple[Hit, ...]:
        hits = find(query)
        self._clock.lap("retrieve")
        return hits

    def _fail(self, step: RecallStep, query: Query, error: LLMFailed) -> None:
        self._failed = True
        later = [each for each in RECALL_STEPS[RECALL_STEPS.index(step) + 1 :] if self._is_on(each, query)]
        without = f"it and {' and '.join(later)}" if later else "it"
        self._notices.append(f"{_NAMES[step]} failed: {error} The search went on without {without}.")

    def _note_screening(self, screening: Screening, asked: int) -> None:
        open_ = asked - len(screening.decisions)
        by_score = f"{open_} of {asked} papers were decided on by their scores alone."
        if screening.failure:
            self._failed = True
            self._notices.append(f"{_NAMES['screen']} failed: {screening.failure} {by_score}")
        elif open_:
            self._notices.append(f"{_NAMES['screen']} was not clear throughout: {by_score}")

    def _explained(self, citations: Sequence[Citation]) -> tuple[Citation, ...]:
        return tuple(
            replace(each, why=decision.why) if (decision := self._decisions.get(each.paper.paper_id)) else each
            for each in citations
        )


def _missing_beside(hits: Sequence[Hit], show: Show) -> Ask:
    best = [hit.paper for hit in nearest_first(hits)[:SHOWN]]

    def ask(query: Query, chat: ChatModel) -> tuple[str, ...]:
        return missing(query, show(query, best), chat)

    return ask
