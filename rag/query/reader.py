"""Read a question into a Query: by itself, or as a follow-up of earlier turns; then apply the overrides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from rag.errors import UsageError
from rag.llm.usage import UsageMeter
from rag.models.encoder import Encoder
from rag.query.condense import MOST_OF_ANSWER, MOST_OF_QUESTION, MOST_TURNS, condense
from rag.query.follow_up import EarlierTurn, act, ask, cited_in, referred_papers, refine
from rag.query.overrides import apply_overrides
from rag.query.question import QuestionReader, has_topic, stated
from rag.query.spelling import Spelling
from rag.types import Overrides, Paper, Query, Turn


class QueryReader:
    """Reads questions about the papers of one library."""

    def __init__(self, papers: Mapping[str, Paper], encoder: Encoder, today: Callable[[], date]) -> None:
        """`today` returns the date that resolves relative dates such as "last year"."""
        self._papers = papers
        self._encoder = encoder
        self._question = QuestionReader(papers, today)
        self._spelling = Spelling(papers.values(), lambda word: len(encoder.tokenize(word)) == 1)

    def read(self, question: str, overrides: Overrides, history: Sequence[Turn], llm: UsageMeter | None) -> Query:
        """Read a question and apply the overrides; raises UsageError for an empty question.

        `history` holds the earlier turns, oldest first. The language model `llm`, where there is one, writes what a
        follow-up stands for.
        """
        question = _line(question)
        if not question:
            raise UsageError("The question is empty. Ask one, as in: which papers cut KV-cache memory")
        if overrides.as_is:
            return apply_overrides(Query(question, "fact", question), overrides)
        mended = self._spelling.mend(question)
        query = self._in_conversation(mended, history[-MOST_TURNS:], llm)
        if mended != question:
            query = replace(query, question=question, mended=mended)
        return apply_overrides(query, overrides)

    def _in_conversation(self, question: str, history: Sequence[Turn], llm: UsageMeter | None) -> Query:
        earlier: EarlierTurn | None = None
        for turn in history:
            asked = _line(turn.question[:MOST_OF_QUESTION])
            query = self._read(asked, earlier) if asked else None
            if query and query.kind not in ("off-topic", "help"):
                answer = turn.answer[:MOST_OF_ANSWER]
                cited = turn.citations or cited_in(answer, self._papers)
                earlier = EarlierTurn(query, tuple(each for each in cited if each in self._papers))
        if llm is None or earlier is None:
            return self._read(question, earlier)
        return self._condensed(question, self._read(question, earlier), earlier, history, llm)

    def _read(self, question: str, earlier: EarlierTurn | None) -> Query:
        """Read a question, or the follow-up that it is."""
        encoded = self._encoder.encode_question(question)
        own = self._question.read(encoded)
        if earlier is None or own.kind == "help" or own.follow_up in ("none", "new"):
            return own
        if own.follow_up == "refine" or not earlier.cited:
            return refine(own, earlier, stated(encoded))
        if own.follow_up == "act":
            return act(own, earlier, self._papers, has_topic(encoded))
        return ask(own, earlier, self._papers)

    def _condensed(
        self, question: str, query: Query, earlier: EarlierTurn, history: Sequence[Turn], llm: UsageMeter
    ) -> Query:
        """Let the language model write what a follow-up stands for, unless it says which papers it is about."""
        if query.follow_up not in ("refine", "ask") or referred_papers(query, earlier, self._papers):
            return query
        with llm.step("condense"):
            text = condense(question, history, llm)
        if text is None:
            return query
        alone = self._question.read(self._encoder.encode_question(text))
        return replace(
            alone,
            question=question,
            standalone=text,
            papers=query.papers,
            follow_up=query.follow_up,
            kind=query.kind if query.papers and alone.kind in ("off-topic", "help") else alone.kind,
        )


def _line(text: str) -> str:
    return " ".join(text.encode(errors="replace").decode().split())
