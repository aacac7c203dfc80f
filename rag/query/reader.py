"""Question → Query: follow-ups made standalone, understanding, and what the user overrides."""

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
    """Reads questions about the papers of one library."""

    def __init__(self, papers: Mapping[str, Paper], today: Callable[[], date]) -> None:
        """`today` is what relative dates such as "last year" refer to."""
        self._papers = papers
        self._titles = {paper_id: paper.title for paper_id, paper in papers.items()}
        self._known = known_names(papers.values())
        self._today = today

    def read(self, question: str, overrides: Overrides, history: Sequence[Turn], llm: UsageMeter | None) -> Query:
        """Read a question; overrides take the place of what was understood. Raises UsageError for an empty question.

        A follow-up on `history`, the earlier turns from the oldest on, is read as the question that it stands for; a
        language model makes it standalone where there is one, else rules do.
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
            return query  # a title has its own words
        return replace(query, text=in_terms(query.text))
