"""Ask gold questions, and write a row for each as soon as it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Protocol

from eval.gold.questions import Question
from eval.measures.ranking import DEPTH
from eval.measures.written import needed_citations
from eval.runs.folder import RunFolder, RunInfo, RunMode
from eval.runs.rows import Row
from rag.answer import Answer, Done, Event, Retrieved, Token
from rag.errors import CitedeskError
from rag.render.notices import notices_text
from rag.types import Hit, Overrides, Turn
from rag.verification.judge import SentenceJudge

_GIVE_UP = 3  # failures in a row

QuestionProgress = Callable[[Iterable[Question], int, int], Iterable[Question]]
"""Yields the remaining questions; takes them, the number that are done, and the total."""


class Ranked(Protocol):
    """The part of a search result that is measured."""

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The papers, best first."""
        ...


class Asker(Protocol):
    """The measured system: `rag.Engine`, or anything with the same interface."""

    def search(self, question: str, overrides: Overrides = ..., history: Sequence[Turn] = ...) -> Ranked:
        """Rank papers."""
        ...

    def ask(
        self, question: str, overrides: Overrides = ..., use_llm: bool = ..., history: Sequence[Turn] = ...
    ) -> Iterator[Event]:
        """Answer a question; the last event is Done."""
        ...


class RunStopped(CitedeskError):
    """A run that stopped because several questions in a row failed."""


def run_questions(
    asker: Asker,
    questions: Sequence[Question],
    info: RunInfo,
    folder: RunFolder,
    progress: QuestionProgress,
    judge: SentenceJudge | None = None,
) -> None:
    """Ask the questions that have no row yet; raises RunStopped after three failures in a row, with their rows kept.

    An untimed search comes first, since it loads what later ones find loaded. A `judge` decides which citations of
    written answers are needed.
    """
    kept = folder.resume(info, questions)
    left = [question for question in questions if question.id not in kept]
    if left:
        asker.search(left[0].question)
    failures = 0
    with folder.writer() as writer:
        for question in progress(left, len(kept), len(questions)):
            row = ask_one(asker, question, info.mode, judge)
            writer.write(row)
            failures = failures + 1 if row.error else 0
            if failures == _GIVE_UP:
                raise RunStopped(
                    f"{_GIVE_UP} questions failed in a row, the last with: {row.error} The report is partial. "
                    "Fix this and run the same command again: it resumes where it stopped."
                )


def ask_one(asker: Asker, question: Question, mode: RunMode, judge: SentenceJudge | None = None) -> Row:
    """Ask one question; whatever prevents a complete answer becomes the row's error."""
    started = perf_counter()
    try:
        if mode == "retrieval":
            hits = asker.search(question.question, history=question.history).hits
            return Row(question, _ids(hits), total_ms=_since(started))
        events = asker.ask(question.question, use_llm=mode == "llm", history=question.history)
        row, answer = _answered(events, question, mode, started)
    except CitedeskError as error:
        return Row(question, error=str(error))
    return replace(row, needed=needed_citations(answer, judge)) if judge and answer.sentences else row


def _answered(events: Iterator[Event], question: Question, mode: RunMode, started: float) -> tuple[Row, Answer]:
    from rag.render.json import answer_to_json  # imports the index

    hits: tuple[str, ...] = ()
    first_token_ms = None
    for event in events:
        if isinstance(event, Retrieved):
            hits = _ids(event.hits)
        elif isinstance(event, Token):
            first_token_ms = first_token_ms or _since(started)
        elif isinstance(event, Done):
            answer = event.answer
    row = Row(
        question,
        hits,
        answer_to_json(answer),
        _verbatim(answer),
        first_token_ms,
        _since(started),
        _failure(answer, mode),
    )
    return row, answer


def _failure(answer: Answer, mode: RunMode) -> str | None:
    """Return why an answer that a model should write is extractive; one about metadata always is."""
    if mode == "llm" and answer.status == "extractive" and answer.query.kind != "metadata":
        return notices_text(answer.notices) or "The endpoint gave no answer."
    return None


def _verbatim(answer: Answer) -> int:
    return sum(
        citation.paper.abstract[quote.start : quote.end] == quote.text
        for citation in answer.citations
        for quote in citation.quotes
    )


def _ids(hits: Sequence[Hit]) -> tuple[str, ...]:
    return tuple(hit.paper.paper_id for hit in hits[:DEPTH])


def _since(started: float) -> float:
    return round(1000 * (perf_counter() - started), 1)
