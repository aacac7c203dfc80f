"""Questions with what belongs to them, and the search of the product over a collection that finds their candidates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.gold.questions import Question
from rag.index.library import Library
from rag.models.cross_encoder import CrossEncoder
from rag.retrieval.candidates import Candidates, retrieve
from rag.retrieval.encoded_query import EncodedQuery, QueryEncoder
from rag.retrieval.reranking import PaperScores, Reranker
from rag.retrieval.scoring import PaperScorer, Ranker
from rag.types import Hit, Query

Floats = NDArray[np.float64]
Form = Literal["list", "fact", "none", "other"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the ids of papers that `belong`; of those that are `unknown` nothing is known.

    All others do not belong, those that were not `judged` (None: all were) as far as nothing speaks against it.
    `sentences` are the first words of a paper's best sentence. A question of the form "none" is not answered.
    """

    text: str
    form: Form
    group: int
    belong: frozenset[str]
    unknown: frozenset[str] = frozenset()
    judged: frozenset[str] | None = None
    style: str | None = None
    sentences: Mapping[str, str] = field(default_factory=dict)


def read_asked(questions: Sequence[Question]) -> list[Asked]:
    """Return the gold questions that need a ranking: without a history, and not of records; grade 1 is unknown."""
    asked = []
    for number, each in enumerate(questions):
        if each.history or each.type == "metadata" or (each.answerable and not each.wanted):
            continue
        form: Form = "list" if each.type == "set" else "other" if each.answerable else "none"
        asked.append(Asked(each.question, form, number, each.wanted, frozenset(each.relevant) - each.wanted))
    return asked


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A question with its candidates in one library, and whether each belongs: 1, 0, or nan where it is not known."""

    search: Search
    asked: Asked
    encoded: EncodedQuery
    candidates: Candidates
    belongs: Floats

    def rank(self, ranker: Ranker, depth: int) -> tuple[Hit, ...]:
        """Rank the candidates; the cross-encoder reads up to `depth` papers, none where it is 0."""
        search = self.search
        scorer = PaperScorer(search.library, search.cross_encoder, depth, ranker)
        query = Query(self.asked.text, "list", self.asked.text)
        reranker = self._reranker() if depth else None
        hits = scorer.rank(query, self.candidates, reranker)
        if reranker:
            search.kept.add(self.asked.text, reranker.known)
        return hits

    def read(self, candidates: Sequence[int]) -> list[PaperScores]:
        """Return what the cross-encoder says of candidates, by their places."""
        reranker = self._reranker()
        found = reranker.read([self.search.library.papers[self.candidates.paper_ids[i]] for i in candidates])
        self.search.kept.add(self.asked.text, reranker.known)
        return found

    def _reranker(self) -> Reranker:
        search = self.search
        return Reranker(search.cross_encoder, search.library, self.encoded, search.kept.of(self.asked.text))


class KeptReadings:
    """What a cross-encoder has said of questions and papers, in a file of JSON Lines that grows, if one is named."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, dict[str, PaperScores]] = {}
        if path and path.exists():
            for line in path.read_text("utf-8").split("\n"):
                if line:
                    question, paper_id, scores = json.loads(line)
                    self.of(question)[paper_id] = PaperScores(
                        scores["belongs"], scores["answers"], tuple(scores["sentences"])
                    )

    def of(self, question: str) -> dict[str, PaperScores]:
        """Return the scores of a question's papers."""
        return self._known.setdefault(question, {})

    def add(self, question: str, found: Mapping[str, PaperScores]) -> None:
        """Keep new scores."""
        known = self.of(question)
        new = {paper_id: scores for paper_id, scores in found.items() if paper_id not in known}
        known |= new
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            for paper_id, scores in new.items():
                file.write(json.dumps([question, paper_id, asdict(scores)]) + "\n")


class Search:
    """One library, with the models that search it as the engine does."""

    def __init__(
        self, library: Library, encoder: QueryEncoder, cross_encoder: CrossEncoder, kept: KeptReadings, pool: int
    ) -> None:
        self.library = library
        self._encoder = encoder
        self.cross_encoder = cross_encoder
        self.kept = kept
        self._pool = pool

    def example(self, asked: Asked) -> Example:
        """Find the candidates of a question."""
        encoded = self._encoder.encode(asked.text)
        candidates = retrieve(self.library, [encoded], None, self._pool)
        belongs = [
            np.nan if paper_id in asked.unknown else float(paper_id in asked.belong)
            for paper_id in candidates.paper_ids
        ]
        return Example(self, asked, encoded, candidates, np.array(belongs))
