"""How an answer can end: refused, extractive, or written by a model (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer import Answer, Citation, Missed, Relaxation, Sentence, Status, Usage
from rag.generation.extractive import write_extractive
from rag.generation.prompts import NOT_ANSWERED
from rag.query.overrides import describe_filters, filter_phrases
from rag.types import Evidence, Query, Quote


@dataclass(frozen=True, slots=True)
class Written:
    """What a model's reply came to: its text with renumbered markers, the papers it cites, its sentences' verdicts.

    `left_out` are papers that were decided on and are not in it; `remarks` say plainly what is wrong with it, and `cut`
    why the endpoint ended it early, if it did.
    """

    text: str
    citations: tuple[Citation, ...]
    sentences: tuple[Sentence, ...]
    left_out: tuple[Evidence, ...] = ()
    remarks: tuple[str, ...] = ()
    cut: str | None = None
    unknown_markers: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What every outcome of one question shares; `missed` is known of lists and orders."""

    query: Query
    evidence: tuple[Evidence, ...] = ()
    near_misses: tuple[Citation, ...] = ()
    missed: Missed | None = None
    notice: str | None = None

    def refused(self, notice: str | None = None, relaxed: Sequence[Relaxation] = ()) -> Answer:
        """Say that the collection does not answer this, why, and what lifting a constraint would give."""
        return replace(self._answer("refused", NOT_ANSWERED, notice), relaxations=tuple(relaxed))

    def extractive(self, notice: str | None = None) -> Answer:
        """Answer with the evidence's own sentences, which they support by being them."""
        citations = [Citation(each.n, each.paper, _supported(each)) for each in self.evidence]
        text = write_extractive(self.query, self.evidence, self.missed)
        return replace(self._answer("extractive", text, notice, citations), missed=self.missed)

    def without_answer(self, remarks: Sequence[str] = ()) -> Answer:
        """Refuse because the model found no answer in the papers that it was sent; they are the nearest."""
        nearest = replace(self, near_misses=tuple(Citation(None, each.paper) for each in self.evidence))
        return nearest.refused(" ".join(remarks) or None)

    def written(self, written: Written) -> Answer:
        """Answer with what a model wrote."""
        status: Status = "truncated" if written.cut else "answered"
        cut = (f"The endpoint cut the answer: {written.cut}.",) if written.cut else ()
        answer = self._answer(status, written.text.rstrip(), " ".join([*cut, *written.remarks]), written.citations)
        near = (*(Citation(None, each.paper) for each in written.left_out), *self.near_misses)
        usage = Usage(unknown_markers=written.unknown_markers)
        return replace(answer, missed=self.missed, sentences=written.sentences, near_misses=near, usage=usage)

    def _answer(self, status: Status, text: str, notice: str | None, citations: Sequence[Citation] = ()) -> Answer:
        notice = " ".join(part for part in (self.notice, notice) if part) or None
        return Answer(self.query, status, text, tuple(citations), near_misses=self.near_misses, notice=notice)


def nothing_meets(query: Query, relaxed: Sequence[Relaxation]) -> str:
    """Say that no paper meets the constraints, and what dropping each would leave."""
    by_name = filter_phrases(query.filters)
    of = "None of the papers spoken of" if query.papers else "No paper in the collection"
    notice = f"{of} is {describe_filters(query.filters)}."
    if len(by_name) > 1:
        left = ", ".join(f"{each.papers} if not “{by_name[each.drop]}”" for each in relaxed)
        notice += f" Papers that meet the rest: {left}."
    return f"{notice} Lift one with --drop {' or --drop '.join(by_name)}, or leave its flag out."


def nearest_lacks(names: Sequence[str]) -> str:
    """Say why the nearest papers are no answer."""
    if not names:
        return "The papers listed are the nearest, but none of them seems to answer it."
    said = ", ".join(f"“{name}”" for name in names)
    return f"The nearest paper does not mention {said}, and nothing else here seems to answer it."


def _supported(evidence: Evidence) -> tuple[Quote, ...]:
    return tuple(replace(quote, verdict="supported") for quote in evidence.quotes)
