"""Evidence: the sentences of each cited paper that answer the question best, as verbatim quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.index.library import Library
from rag.retrieval.encoded_query import EncodedQuery
from rag.retrieval.passages import Span, abstract_sentences, sentence_scores
from rag.retrieval.reranking import Reranker
from rag.types import Evidence, Paper, Query, Quote

_QUOTES: Mapping[str, int] = {"fact": 3, "compare": 3}
_WHOLE_QUOTES = 5  # of a paper that is asked about as a whole: "tell me more about the second"


@dataclass(frozen=True, slots=True)
class EvidenceSelector:
    """Chooses sentences by the cross-encoder's logits of being evidence; without one, the best by MaxSim."""

    library: Library

    def select(
        self, query: Query, encoded: EncodedQuery, papers: Sequence[Paper], reranker: Reranker | None = None
    ) -> tuple[Evidence, ...]:
        """Number the papers from 1 in the order given, each with its best sentences in reading order.

        A sentence beside the best is quoted if the reranker holds it for evidence; MaxSim knows no such line.
        """
        read = reranker.read(papers) if reranker else None
        evidence = []
        for i, paper in enumerate(papers):
            spans = abstract_sentences(paper)
            scores = read[i].sentences if read else sentence_scores(self.library, encoded, paper, spans)
            least = 0.0 if read else max(scores)
            best = _best(query, spans, scores, least)
            evidence.append(Evidence(i + 1, paper, tuple(Quote(paper.abstract[a:b], a, b) for a, b in best)))
        return tuple(evidence)


def _best(query: Query, spans: Sequence[Span], scores: Sequence[float], least: float) -> list[Span]:
    """Return the sentences to quote, in reading order: the best, and others that score above `least`."""
    whole = query.kind == "lookup" and query.papers
    short = query.action is not None and query.action.name == "shorten"
    most = 1 if short else _WHOLE_QUOTES if whole else _QUOTES.get(query.kind, 2)
    ranked = sorted(range(len(spans)), key=lambda i: (-scores[i], i))[:most]
    kept = ranked if whole else [i for i in ranked if i == ranked[0] or scores[i] > least]
    return [spans[i] for i in sorted(kept)]
