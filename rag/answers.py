"""How an answer can end: refused, extractive, or written by a model (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.constraints import phrases, said
from rag.extractive import write_extractive
from rag.prompts import NOT_ANSWERED
from rag.types import Answer, Citation, Evidence, Missed, Query, Quote, Relaxation, Status, Usage

_MARKERS = re.compile(r"\s*\[\d+\]")


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote, its markers checked: `cited` lists the numbers that name evidence, `sent` how many it got,
    and `cut` says why the endpoint ended the answer early, if it did."""

    text: str
    model: str
    cited: tuple[int, ...]
    sent: int
    cut: str | None
    usage: Usage


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

    def written(self, written: Written) -> Answer:
        """Answer with what a model wrote, and the papers that it cited."""
        usage, model = written.usage, written.model
        if _MARKERS.sub("", written.text).strip().startswith(NOT_ANSWERED):
            nearest = tuple(Citation(None, each.paper) for each in self.evidence)
            refused = replace(self, near_misses=nearest).refused()
            return replace(refused, usage=usage, model=model)
        citations = [Citation(each.n, each.paper, each.quotes) for each in self.evidence if each.n in written.cited]
        status: Status = "truncated" if written.cut else "answered"
        answer = self._answer(status, written.text.strip(), _remarks(written, len(self.evidence)), citations)
        return replace(answer, missed=self.missed, usage=usage, model=model)

    def _answer(self, status: Status, text: str, notice: str | None, citations: Sequence[Citation] = ()) -> Answer:
        notice = " ".join(part for part in (self.notice, notice) if part) or None
        return Answer(self.query, status, text, tuple(citations), self.near_misses, notice=notice)


def nothing_meets(query: Query, relaxed: Sequence[Relaxation]) -> str:
    """Say that no paper meets the constraints, and what dropping each would leave."""
    by_name = phrases(query.filters)
    of = "None of the papers spoken of" if query.papers else "No paper in the collection"
    notice = f"{of} is {said(query.filters)}."
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


def _remarks(written: Written, offered: int) -> str | None:
    """Say plainly what is wrong with a written answer, as far as its markers and its end tell."""
    remarks = []
    if written.cut:
        remarks.append(f"The endpoint cut the answer: {written.cut}.")
    if written.usage.unknown_markers:
        remarks.append(f"Removed {written.usage.unknown_markers} citation number(s) that named no evidence.")
    if not written.cited:
        remarks.append("The model cited no paper: nothing here can be checked.")
    if written.sent < offered:
        remarks.append(f"Only {written.sent} of {offered} papers fitted into CITEDESK_LLM_CONTEXT.")
    return " ".join(remarks) or None
