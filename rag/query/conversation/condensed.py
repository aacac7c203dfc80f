"""What a follow-up comes to, and what the names of a collection help to understand it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from rag.query.understanding.understand import KnownNames
from rag.types import Kind, Query


@dataclass(frozen=True, slots=True)
class Condensed:
    """A standalone question; `papers` are the paper_ids that it is restricted to, none for no restriction.

    `kind` is the kind of answer that the follow-up's wording settles, None where the question itself tells.
    """

    question: str
    papers: tuple[str, ...] = ()
    kind: Kind | None = None

    def onto(self, query: Query, question: str, titles: Mapping[str, str]) -> Query:
        """Say in a query that was read from the standalone question what was typed, and what it is restricted to.

        A request for all that papers say is searched for by their titles, so that the sentences that say it come first.
        """
        standalone = query.question if query.question != question else None
        query = replace(query, question=question, standalone=standalone, papers=self.papers)
        if self.kind != "lookup" or not self.papers:
            return replace(query, kind=self.kind or query.kind)
        told = ". ".join(titles[paper_id] for paper_id in self.papers if paper_id in titles)
        return replace(query, kind="lookup", text=told or query.text, count=None, order=None)


@dataclass(frozen=True, slots=True)
class Collection:
    """What is known when a follow-up is read: authors and venues, the titles by paper_id, and what day it is."""

    known: KnownNames = KnownNames()
    titles: Mapping[str, str] = field(default_factory=dict)
    today: date = field(default_factory=date.today)
