"""How an answer can end: refused, extractive, or written by a language model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rag.answer import Answer, Citation, EstimatedMissing, Notice, Relaxation, Sentence, Usage
from rag.generation.composition import Composition
from rag.generation.extractive import write_extractive
from rag.generation.prompts import HELP, NOT_ANSWERED
from rag.types import Evidence, Query, Quote


@dataclass(frozen=True, slots=True)
class Draft:
    """What every outcome of one question shares: the evidence and near misses, what is missing, and notices so far.

    `composition` is the top of an extractive answer.
    """

    query: Query
    evidence: tuple[Evidence, ...] = ()
    near_misses: tuple[Citation, ...] = ()
    missed: EstimatedMissing | None = None
    notices: tuple[Notice, ...] = ()
    composition: Composition = Composition()

    def refused(self, notices: Iterable[Notice] = (), relaxations: tuple[Relaxation, ...] = ()) -> Answer:
        """Return the answer that the collection does not answer the question."""
        return Answer(
            self.query,
            "refused",
            NOT_ANSWERED,
            near_misses=self.near_misses,
            relaxations=relaxations,
            notices=(*self.notices, *notices),
        )

    def help(self) -> Answer:
        """Return what can be asked here, as the answer."""
        return Answer(self.query, "extractive", HELP)

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
        left_out: Iterable[Evidence],
        notices: Iterable[Notice],
        unknown_markers: int,
        truncated: str | None,
    ) -> Answer:
        """Return what a model wrote as the answer.

        `text` has renumbered markers, `left_out` is evidence that it does not cite, and `truncated` says why the
        endpoint ended the reply early, if it did.
        """
        cut = (Notice("truncated", {"reason": truncated}),) if truncated else ()
        return Answer(
            self.query,
            "truncated" if truncated else "answered",
            text.rstrip(),
            citations,
            sentences,
            near_misses=(*(Citation(None, each.paper, score=each.score) for each in left_out), *self.near_misses),
            missed=self.missed,
            notices=(*self.notices, *cut, *notices),
            usage=Usage(unknown_markers=unknown_markers),
        )


def _supported(evidence: Evidence) -> tuple[Quote, ...]:
    return tuple(replace(quote, verdict="supported") for quote in evidence.quotes)
