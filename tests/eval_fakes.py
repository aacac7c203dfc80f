"""A scripted engine, and factories for questions, rows, answers and runs, for the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eval.gold.questions import Question
from eval.runs.folder import Run, RunInfo
from eval.runs.rows import Row
from rag.answer import Answer, Citation, Done, Event, Notice, Retrieved, Token
from rag.errors import LLMFailed
from rag.types import Hit, Kind, Overrides, Query, Quote, Turn
from tests.fakes import PAPERS

INFO = RunInfo(
    mode="extractive",
    generation="g1",
    papers=3,
    settings={"pool": 100},
    gold={"gold.jsonl": "0" * 64},
    questions=2,
    version="0.1.0",
    commit=None,
    started="2026-01-02T00:00:00+00:00",
)


@dataclass(frozen=True)
class Found:
    hits: tuple[Hit, ...]


@dataclass
class ScriptedAsker:
    """An engine that finds `PAPERS` in order and cites the first.

    Questions in `fails` raise LLMFailed; those in `falls_back` are answered extractively with a notice.
    """

    fails: frozenset[str] = frozenset()
    falls_back: frozenset[str] = frozenset()
    kind: Kind = "fact"
    asked: list[str] = field(default_factory=list)
    histories: list[tuple[Turn, ...]] = field(default_factory=list)

    def search(self, question: str, overrides: Overrides = Overrides(), history: Sequence[Turn] = ()) -> Found:
        self.histories.append(tuple(history))
        return Found(tuple(Hit(rank, paper, 1 / rank) for rank, paper in enumerate(PAPERS, start=1)))

    def ask(
        self,
        question: str,
        overrides: Overrides = Overrides(),
        use_llm: bool = True,
        history: Sequence[Turn] = (),
    ) -> Iterator[Event]:
        self.asked.append(question)
        if question in self.fails:
            raise LLMFailed("The endpoint cannot be reached.")
        query = Query(question, self.kind, question)
        yield Retrieved(query, self.search(question, overrides, history).hits, ())
        if use_llm:
            yield Token("Pebble prunes")
        first = PAPERS[0]
        quote = Quote(first.abstract[:20], 0, 20, "supported")
        answer = Answer(query, "extractive", "Pebble prunes [1].", citations=(Citation(1, first, (quote,)),))
        if use_llm and question not in self.falls_back:
            answer = replace(answer, status="answered", model="small-model")
        elif use_llm:
            answer = replace(answer, notices=(Notice("endpoint_failed", {"error": "The endpoint broke off."}),))
        yield Done(answer)


def question(name: str, relevant: Mapping[str, int] | None = None, **values: Any) -> Question:
    """Return a gold question; by default the first of `PAPERS` has grade 2."""
    relevant = {PAPERS[0].paper_id: 2} if relevant is None else relevant
    values = {"type": "fact" if relevant else "unanswerable", "question": f"What of {name}?", **values}
    return Question(id=name, relevant=relevant, titles=dict.fromkeys(relevant, "A Title"), **values)


def row(name: str, hits: tuple[str, ...], relevant: Mapping[str, int] | None = None, **values: Any) -> Row:
    """Return a row of a run: the question of that name, with paper ids as its hits."""
    return Row(question(name, relevant), hits, **values)


def answer(status: str = "answered", text: str = "Pebble prunes [1].", *cited: tuple[str, list[Any]]) -> dict[str, Any]:
    """Return an answer as JSON; each of `cited` is a paper id with its quotes."""
    citations = [
        {"n": n, "paper_id": paper_id, "title": f"Title {n}", "url": None, "date": "2024-01-05", "quotes": quotes}
        for n, (paper_id, quotes) in enumerate(cited, start=1)
    ]
    return {"status": status, "answer": text, "citations": citations, "notice": None, "usage": {}}


def run_of(*rows: Row, questions: int | None = None, **values: Any) -> Run:
    """Return a run of these rows; `questions` is their number unless given, `values` are fields of `RunInfo`."""
    return Run(replace(INFO, questions=len(rows) if questions is None else questions, **values), rows)
