"""Read a question into a Query: by itself, or as a follow-up of earlier turns; then apply the overrides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal, cast

from rag.corpus.titles import find_by_title
from rag.index.papers import PaperStore
from rag.llm.usage import UsageMeter
from rag.models.encoder import EncodedQuestion, Encoder
from rag.query.condense import MOST_OF_ANSWER, MOST_OF_QUESTION, condense
from rag.query.follow_up import (
    EarlierTurn,
    act,
    ask,
    cited_in,
    constrains_anew,
    has_pronoun,
    refine,
    spoken_of,
    undo,
)
from rag.query.known_names import TOPICS
from rag.query.limits import check_question
from rag.query.overrides import apply_overrides
from rag.query.question import QuestionReader, has_topic, stated
from rag.query.spelling import Spelling
from rag.text.language import is_non_english_question
from rag.text.work_types import work_type
from rag.types import ActionName, Filters, FollowUp, Overrides, Query, Turn

_WITHOUT_PAPERS = frozenset("more lift titles table export sort group shorten".split())
"""Actions that are no search where the answer before has no papers."""

_MOST_TURNS = 20  # read again for each follow-up, each in a few milliseconds


class QueryReader:
    """Reads questions about the papers of one library."""

    def __init__(self, papers: PaperStore, encoder: Encoder, today: Callable[[], date]) -> None:
        """`today` returns the date that resolves relative dates such as "last year"."""
        self._papers = papers
        self._encoder = encoder
        self._question = QuestionReader(papers, today)
        self.names = self._question.names
        self._spelling = Spelling(papers, lambda word: len(encoder.tokenize(word)) == 1)

    def read(self, question: str, overrides: Overrides, history: Sequence[Turn], llm: UsageMeter | None) -> Query:
        """Read a question and apply the overrides; raises UsageError for one that is empty or too long.

        `history` holds the earlier turns, oldest first; a question that is restricted to papers stands alone. The
        language model `llm`, where there is one, writes what a follow-up stands for.
        """
        check_question(question)
        question = _line(question)
        if overrides.as_is:
            return apply_overrides(Query(question, "fact", question), overrides)
        mended = self._spelling.mend(question)
        turns = () if overrides.papers else history[-_MOST_TURNS:]
        query = self._in_conversation(mended, turns, overrides.drop, llm)
        if mended != question:
            query = replace(query, question=question, mended=mended)
        return apply_overrides(query, overrides)

    def respelt(self, text: str) -> str | None:
        """Return a search text with its compounds as other papers write them; None where all write them alike."""
        return self._spelling.respelt(text)

    def _in_conversation(
        self, question: str, history: Sequence[Turn], drop: Collection[str], llm: UsageMeter | None
    ) -> Query:
        """Read a question after earlier turns, of which an undone one is none."""
        earlier: list[EarlierTurn] = []
        for turn in history:
            asked = _line(turn.question[:MOST_OF_QUESTION])
            before = () if turn.overrides.papers else earlier
            query = self._read(asked, before, turn.overrides.drop) if asked else None
            query = query and apply_overrides(query, turn.overrides)
            if query is None or (query.kind in ("off-topic", "help") and query.action is None):
                continue
            if query.action and query.action.name == "undo":
                earlier = earlier[:-1]
                continue
            cited = turn.citations or cited_in(turn.answer[:MOST_OF_ANSWER], self._papers)
            held = tuple(each for each in cited if each in self._papers)
            standing = query.follow_up in ("none", "new") or not earlier
            made = EarlierTurn.first(query, held) if standing else earlier[-1].then(query, held)
            earlier.append(replace(made, turn=turn))
        query = self._read(question, earlier, drop)
        return self._condensed(question, query, earlier[-1], history, llm) if llm and earlier else query

    def _read(self, question: str, earlier: Sequence[EarlierTurn], drop: Collection[str] = ()) -> Query:
        """Read a question, or the follow-up that it is of the last of the earlier turns.

        With "action" in `drop` it stands alone; with "papers" it leaves the papers of the answer before.
        """
        encoded = self._question.with_known_names(self._encoder.encode_question(question))
        own = self._question.read(encoded)
        if not earlier or "action" in drop or own.fixed:
            return replace(own, follow_up="none" if not earlier else own.follow_up)
        before = earlier[-1]
        does = "new" if is_non_english_question(question) else follow_up_action(encoded)  # it has learnt English
        if does == "new" or (does == "ask" and self._is_about_another(encoded, before.cited)):
            return replace(own, follow_up="none" if own.follow_up in ("none", "new") else "new")
        if does == "undo":
            return undo(own, earlier)
        own = replace(own, follow_up="act" if does not in ("ask", "refine") else cast(FollowUp, does))
        if does not in ("ask", "refine"):
            own = replace(self._question.read(encoded, as_kind="metadata"), kind=own.kind, follow_up="act", unsure=())
        before = spoken_of(earlier, does, encoded)
        if does == "refine" and _narrows(own, before, has_topic(encoded)):
            does = "filter"
        if does in ("refine", "pick", "group") and before.cited and work_type(stated(encoded)):
            does = "filter"
        if does == "filter" and _names_things(before) and own.filters == Filters(code=True):
            does = "records"  # "code?" after one paper, or after those that are compared
        joins = does in ("refine", "more", "group")  # "and Pebble?", "add Pebble"
        if joins and before.query.kind == "compare" and self._question.names_paper(stated(encoded)):
            does = "compare"
        counted = before.query.count if before.query.action is None else None
        if does in ("filter", "drop") and (counted or constrains_anew(before.query.filters, own.filters)):
            does = "refine"
        if not before.cited and does not in _WITHOUT_PAPERS:
            does = "refine"
        if does == "refine" or "papers" in drop:
            query = refine(own, before, stated(encoded))
        elif does == "ask":
            query = ask(own, encoded, before, self._papers)
        else:
            query = act(does, own, encoded, before, self._papers, self.names)
        return replace(query, about=before.turn)

    def _is_about_another(self, encoded: EncodedQuestion, cited: Collection[str]) -> bool:
        """Return whether a question names papers that the answer before did not cite, and speaks of no others."""
        said = [encoded.text[each.start : each.end] for each in encoded.tags if each.tag in TOPICS]
        named = {paper_id for each in said if (paper_id := find_by_title(each, self._papers.titled(each)))}
        return bool(named) and named.isdisjoint(cited) and not has_pronoun(encoded.text)

    def _condensed(
        self, question: str, query: Query, earlier: EarlierTurn, history: Sequence[Turn], llm: UsageMeter
    ) -> Query:
        """Let the language model write what a follow-up stands for, unless it says which papers it is about."""
        if query.follow_up not in ("refine", "ask") or 0 < len(query.papers) < len(earlier.cited):
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
            about=query.about,
            follow_up=query.follow_up,
            kind=query.kind if query.papers and alone.kind in ("off-topic", "help") else alone.kind,
        )


def follow_up_action(encoded: EncodedQuestion) -> ActionName | Literal["new", "ask", "refine"]:
    """Return the likeliest of what a question does after an answer."""
    if not encoded.actions:
        return "new"
    return cast(ActionName, max(encoded.actions, key=lambda name: encoded.actions[name]))


def _names_things(before: EarlierTurn) -> bool:
    """Return whether the papers before are things that were asked about, and no list."""
    return len(before.cited) == 1 or before.query.kind == "compare"


def _narrows(own: Query, before: EarlierTurn, has_topic: bool) -> bool:
    """Return whether a refinement states constraints only, which the papers of the answer can be tested for."""
    return bool(own.filters) and not (has_topic or own.excluded or own.order or own.count) and bool(before.cited)


def _line(text: str) -> str:
    return " ".join(text.encode(errors="replace").decode().split())
