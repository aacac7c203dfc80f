"""Parse a question into a Query: condense a follow-up, understand the question, apply the overrides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from rag.corpus.titles import is_title
from rag.errors import UsageError
from rag.llm.usage import UsageMeter
from rag.query.conversation.condense import condense
from rag.query.conversation.condensed import Collection, Condensed
from rag.query.overrides import apply_overrides
from rag.query.understanding.plain_words import in_terms
from rag.query.understanding.understand import known_names, understand
from rag.types import Overrides, Paper, Query, Turn


class QueryReader:
    """Parses questions about the papers of one library."""

    def __init__(self, papers: Mapping[str, Paper], today: Callable[[], date]) -> None:
        """`today` returns the date that resolves relative dates such as "last year"."""
        self._papers = papers
        self._titles = {paper_id: paper.title for paper_id, paper in papers.items()}
        self._known = known_names(papers.values())
        self._today = today

    def read(self, question: str, overrides: Overrides, history: Sequence[Turn], llm: UsageMeter | None) -> Query:
        """Parse a question and apply the overrides; raises UsageError for an empty question.

        `history` holds the earlier turns, oldest first. A follow-up is first rewritten as a standalone question: by the
        language model `llm`, or by rules if it is None.
        """
        question = " ".join(question.encode(errors="replace").decode().split())
        if not question:
            raise UsageError("The question is empty. Ask one, as in: which papers cut KV-cache memory")
        condensed = Condensed(question) if overrides.as_is else self._standalone(question, history, llm)
        query = condensed.onto(self._understand(condensed.question, overrides), question, self._titles)
        return replace(query, kind=overrides.kind) if overrides.kind else query

    def _standalone(self, question: str, history: Sequence[Turn], llm: UsageMeter | None) -> Condensed:
        collection = Collection(self._known, self._titles, self._today())
        if llm is None:
            return condense(question, history, None, collection)
        with llm.step("condense"):
            return condense(question, history, llm, collection)

    def _understand(self, question: str, overrides: Overrides) -> Query:
        query = apply_overrides(understand(question, self._known, self._today()), overrides)
        if overrides.kind is None and query.kind in ("list", "fact") and is_title(query.text, self._papers.values()):
            query = replace(query, kind="lookup")
        if overrides.as_is or query.kind == "lookup":
            return query  # a title is searched for as it is worded
        return replace(query, text=in_terms(query.text))
