"""What is known of one question so far, as its events come in: all that is shown of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rag.answer import Answer, Checked, Citation, Cited, Done, Event, Retrieved, Sentence, Token
from rag.types import Evidence, Hit, Overrides, Query


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and what has come of it; `exchange_id` is unique on its page and begins each of its elements' ids.

    `progress` says what is under way, and is "" when nothing is. `error` is the one line of what went wrong,
    `generation` that of the index that was asked. Until `answer` is there, `text`, `sentences` and `citations` are
    what has streamed.
    """

    exchange_id: str
    question: str
    overrides: Overrides = Overrides()
    progress: str = ""
    query: Query | None = None
    hits: tuple[Hit, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    text: str = ""
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    answer: Answer | None = None
    error: str | None = None
    generation: str = ""

    def with_event(self, event: Event) -> Exchange:
        """Take in the next event."""
        if isinstance(event, Retrieved):
            return replace(self, query=event.query, hits=event.hits, evidence=event.evidence)
        if isinstance(event, Token):
            return replace(self, text=self.text + event.text)
        if isinstance(event, Checked):
            return replace(self, sentences=(*self.sentences, event.sentence))
        if isinstance(event, Cited):
            return replace(self, citations=(*self.citations, event.citation))
        assert isinstance(event, Done)
        return replace(self, answer=event.answer, query=event.answer.query, progress="")
