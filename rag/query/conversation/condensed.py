"""The result of condensing a follow-up, and the data of the collection that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from rag.query.understanding.understand import KnownNames
from rag.types import Kind, Query


@dataclass(frozen=True, slots=True)
class Condensed:
    """A standalone question; `papers` are the paper_ids that it is restricted to, empty for no restriction.

    `kind` is the kind of question if the follow-up's wording determines it, else None.
    """

    question: str
    papers: tuple[str, ...] = ()
    kind: Kind | None = None

    def onto(self, query: Query, question: str, titles: Mapping[str, str]) -> Query:
        """Return the query of the standalone question with the user's `question`, the restriction and the kind set.

        `titles` maps paper_ids to titles. A lookup in given papers searches for their titles, so that their main
        statements rank first.
        """
        standalone = query.question if query.question != question else None
        query = replace(query, question=question, standalone=standalone, papers=self.papers)
        if self.kind != "lookup" or not self.papers:
            return replace(query, kind=self.kind or query.kind)
        text = ". ".join(titles[paper_id] for paper_id in self.papers if paper_id in titles)
        return replace(query, kind="lookup", text=text or query.text, count=None, order=None)


@dataclass(frozen=True, slots=True)
class Collection:
    """Data of the collection for condensing: known names, titles by paper_id, and the current date."""

    known: KnownNames = KnownNames()
    titles: Mapping[str, str] = field(default_factory=dict)
    today: date = field(default_factory=date.today)
