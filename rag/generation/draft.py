"""How an answer can end: refused, extractive, or written by a language model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from rag.answer import Answer, Citation, EstimatedMissing, Notice, Relaxation, Sentence, Usage
from rag.generation.composition import Composition
from rag.generation.extractive import write_extractive
from rag.generation.help import help_text
from rag.generation.prompts import NOT_ANSWERED
from rag.retrieval.scoring import missed_range
from rag.types import ActionName, Evidence, Paper, Query, Quote, Turn

_AS_IT_IS: frozenset[ActionName] = frozenset(
    ("records", "count", "same-author", "sort", "filter", "drop", "titles", "table", "export", "undo", "lift")
)
"""Actions that show papers of the answer before as they are, so that no language model writes them."""
_NONE = "There is none."
_NOT_THERE = "These papers do not answer this."

_BY_TOPIC: frozenset[ActionName] = frozenset(("count", "filter"))
"""Actions of these that a language model decides where they ask what the papers say, not for numbers or records."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What every outcome of one question shares: the evidence and near misses, what is missing, and notices so far.

    `composition` is the top of an extractive answer. `candidates` are further papers, less sure to belong, that a model
    may use, and `others` the probabilities of those that it may not; `previous` is the turn before where the question
    may speak of it.
    """

    query: Query
    evidence: tuple[Evidence, ...] = ()
    near_misses: tuple[Citation, ...] = ()
    missed: EstimatedMissing | None = None
    notices: tuple[Notice, ...] = ()
    composition: Composition = Composition()
    candidates: tuple[Evidence, ...] = ()
    others: tuple[float, ...] = ()
    previous: Turn | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to answer with: no paper, and no count of papers."""
        return not (self.evidence or self.candidates or self.composition.point)

    def refused(self, notices: Iterable[Notice] = (), relaxations: tuple[Relaxation, ...] = ()) -> Answer:
        """Return the answer that the collection, or the answer before, does not have what is asked for."""
        return Answer(
            self.query,
            "refused",
            self._refusal(),
            near_misses=self.near_misses,
            relaxations=relaxations,
            notices=(*self.notices, *notices),
        )

    def _refusal(self) -> str:
        if not (self.query.papers or (self.query.fixed and self.query.action)):
            return NOT_ANSWERED
        return _NONE if self.query.action else _NOT_THERE

    def help(self, newest: Sequence[Paper], papers: int) -> Answer:
        """Return what can be asked of these papers, as the answer."""
        return Answer(self.query, "extractive", help_text(newest, papers), notices=self.notices)

    def extractive(self, *notices: Notice) -> Answer:
        """Return the evidence's own sentences, which support themselves, as the answer."""
        top = self.composition
        evidence = top.evidence or self.evidence
        return Answer(
            self.query,
            "extractive",
            write_extractive(self.query, evidence, top.point, top.groups, top.comparison),
            tuple(Citation(each.n, each.paper, _supported(each), score=each.score) for each in evidence),
            point=top.point,
            groups=top.groups,
            comparison=top.comparison,
            near_misses=self.near_misses,
            missed=self.missed,
            notices=(*self.notices, *notices),
        )

    def without_answer(self, notices: Iterable[Notice]) -> Answer:
        """Refuse because the model found no answer in the evidence, whose papers become the nearest."""
        nearest = replace(
            self, near_misses=tuple(Citation(None, each.paper, score=each.score) for each in self.evidence)
        )
        return nearest.refused(notices)

    def written(
        self,
        text: str,
        citations: tuple[Citation, ...],
        sentences: tuple[Sentence, ...],
        read: Collection[int],
        considered: Mapping[int, str],
        notices: Iterable[Notice],
        unknown_markers: int,
        truncated: str | None,
    ) -> Answer:
        """Return what a model wrote as the answer.

        `text` has renumbered markers, `read` are the numbers of the papers that the model was sent, `considered` has
        its reasons for not using papers, by these numbers, and `truncated` says why the endpoint ended the reply
        early, if it did.
        """
        cut = (Notice("truncated", {"reason": truncated}),) if truncated else ()
        return Answer(
            self.query,
            "truncated" if truncated else "answered",
            text.rstrip(),
            citations,
            sentences,
            near_misses=self._not_used({each.paper.paper_id for each in citations}, considered),
            missed=self._unread(read) if self.candidates else self.missed,
            notices=(*self.notices, *cut, *notices),
            usage=Usage(unknown_markers=unknown_markers),
        )

    def _unread(self, read: Collection[int]) -> EstimatedMissing | None:
        """Estimate how many relevant papers are among those that the model was not sent."""
        unread = [each.score or 0.0 for each in self.candidates if each.n not in read]
        return EstimatedMissing(*missed_range([*unread, *self.others])) if self.missed else None

    def _not_used(self, used: Set[str], considered: Mapping[int, str]) -> tuple[Citation, ...]:
        """Return the papers that the model did not use, those that it gave a reason for first, and other near ones."""
        sent = [*self.evidence, *(each for each in self.candidates if each.n in considered)]
        left = [
            Citation(None, each.paper, why=considered.get(each.n), score=each.score)
            for each in sent
            if each.paper.paper_id not in used
        ]
        left.sort(key=lambda each: each.why is None)
        listed = used | {each.paper.paper_id for each in left}
        return (*left, *(each for each in self.near_misses if each.paper.paper_id not in listed))


def is_written(query: Query) -> bool:
    """Return whether a language model writes the answer, where there is one."""
    if query.kind == "metadata":
        return False
    as_it_is = query.action is not None and query.action.name in _AS_IT_IS and bool(query.papers)
    return not as_it_is or asks_among(query)


def asks_among(query: Query) -> bool:
    """Return whether a follow-up asks which papers of the answer before are about something."""
    return query.action is not None and query.action.name in _BY_TOPIC and bool(query.papers) and not query.fixed


def _supported(evidence: Evidence) -> tuple[Quote, ...]:
    return tuple(replace(quote, verdict="supported") for quote in evidence.quotes)
