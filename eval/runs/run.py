"""Ask every gold question, and keep a row of each as it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Protocol

from eval.measures.ranking import DEPTH
from eval.questions import Question
from eval.runs.folder import Mode, RunFolder, RunInfo
from eval.runs.needed import needed_citations
from eval.runs.rows import Row
from rag.answer import Answer, Done, Event, Retrieved, Token
from rag.errors import CitedeskError
from rag.render.notices import notices_text
from rag.types import Hit, Overrides, Turn
from rag.verification.judge import SentenceJudge

_GIVE_UP = 3  # failures in a row

Progress = Callable[[Iterable[Question], int, int], Iterable[Question]]  # what is left, how many are done, of how many


class Found(Protocol):
    """What a search gives, as far as it is measured."""

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The papers, best first."""
        ...


class Asker(Protocol):
    """What is measured: `rag.Engine`, or anything that searches and answers like it."""

    def search(self, question: str, overrides: Overrides = ..., history: Sequence[Turn] = ...) -> Found:
        """Find papers."""
        ...

    def ask(
        self, question: str, overrides: Overrides = ..., use_llm: bool = ..., history: Sequence[Turn] = ...
    ) -> Iterator[Event]:
        """Answer a question; the last event is Done."""
        ...


class RunStopped(CitedeskError):
    """A run that gave up because one question after the other failed."""


def run_questions(
    asker: Asker,
    questions: Sequence[Question],
    info: RunInfo,
    folder: RunFolder,
    progress: Progress,
    judge: SentenceJudge | None = None,
) -> None:
    """Ask what the folder does not hold yet; raises RunStopped after three failures in a row, the rows kept.

    The first search is not timed: it pays for loading what later ones find loaded. A `judge` says which citations of
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
                    "Mend this and run the same command again: it goes on where it stopped."
                )


def ask_one(asker: Asker, question: Question, mode: Mode, judge: SentenceJudge | None = None) -> Row:
    """Ask one question; whatever keeps it from a whole answer becomes the row's error."""
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


def _answered(events: Iterator[Event], question: Question, mode: Mode, started: float) -> tuple[Row, Answer]:
    from rag.render.json import answer_to_json  # drags the index in

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


def _failure(answer: Answer, mode: Mode) -> str | None:
    """Say why a question that was to be written up came back extractive; one about the records alone always does."""
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
