"""The state of one exchange: a question and what its events have brought so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rag.answer import Answer, Checked, Citation, Cited, Done, Event, FirstHits, Retrieved, Sentence, Token
from rag.types import Evidence, Hit, Overrides, Query


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer so far; `exchange_id` is unique on the page and prefixes the ids of its elements.

    `progress` says what is in progress, "" if nothing is. `error` is one line on what went wrong, `generation` the
    index that was asked. `hits` are the first ones until `evidence` is there, `terms` the stems of what is sought.
    Until there is an `answer`, `text`, `sentences` and `citations` hold what has streamed.
    """

    exchange_id: str
    question: str
    overrides: Overrides = Overrides()
    progress: str = ""
    query: Query | None = None
    hits: tuple[Hit, ...] = ()
    evidence: tuple[Evidence, ...] | None = None
    terms: tuple[str, ...] = ()
    text: str = ""
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    answer: Answer | None = None
    error: str | None = None
    generation: str = ""

    def with_event(self, event: Event) -> Exchange:
        """Return the exchange with the next event."""
        if isinstance(event, FirstHits):
            return replace(self, query=event.query, hits=event.hits)
        if isinstance(event, Retrieved):
            return replace(self, query=event.query, hits=event.hits, evidence=event.evidence, terms=event.terms)
        if isinstance(event, Token):
            return replace(self, text=self.text + event.text)
        if isinstance(event, Checked):
            return replace(self, sentences=(*self.sentences, event.sentence))
        if isinstance(event, Cited):
            return replace(self, citations=(*self.citations, event.citation))
        assert isinstance(event, Done)
        return replace(self, answer=event.answer, query=event.answer.query, progress="")
