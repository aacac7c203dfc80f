"""Evidence: the sentences of each cited paper that answer the question best, as verbatim quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.index.bm25 import idf_coverage
from rag.index.library import Library
from rag.models.cross_encoder import CrossEncoder
from rag.models.encoder import document_text
from rag.retrieval.encoded_query import EncodedQuery
from rag.retrieval.passages import Span, abstract_sentences, sentence_scores
from rag.retrieval.scoring import standardize
from rag.text.tokens import tokenize
from rag.types import Evidence, Paper, Query, Quote

_LEXICAL_WEIGHT = 0.15  # of the share of the question's words, weighed by rarity, beside the late interaction
_CLAIM = re.compile(r"\b(we|our|this (paper|work|article|study|survey))\b", re.IGNORECASE)
_CLAIM_WEIGHT = 0.05  # a paper's own claim answers better than its account of the problem
_NUMBER = re.compile(r"\d")
_NUMBER_WEIGHT = 0.03
_QUANTITY_WEIGHT = 0.1  # of a number where a quantity is asked for
_RERANK_WEIGHT = 0.05  # of the cross-encoder's standard score
_QUANTITY = re.compile(
    r"\bhow (many|much|long|fast|big|large|far|often|few|cheap|little|small|accurate|precise)\b"
    r"|\b(speed-?ups?|throughput|accuracy|latency|percent|share|rate|gains?|resolution|power|cost|size|number)\b",
    re.IGNORECASE,
)
_MARGIN = 0.06  # how far below the best a further sentence may score
_QUOTES: Mapping[str, int] = {"fact": 3, "compare": 3}
_SUMMARY_QUOTES = 5  # of a paper that is asked about as a whole: "tell me more about the second"
_MARGINS: Mapping[str, float] = {"fact": 0.15, "compare": 1.0}


@dataclass(frozen=True, slots=True)
class EvidenceSelector:
    """Chooses sentences by MaxSim, the terms they share with the question, and whether they claim or quantify.

    For fact questions, where one sentence has to hold the answer, a cross-encoder adds its score.
    """

    library: Library
    cross_encoder: CrossEncoder | None = None

    def select(self, query: Query, encoded: EncodedQuery, papers: Sequence[Paper]) -> tuple[Evidence, ...]:
        """Number the papers from 1 in the order given, each with its best sentences in reading order."""
        idf = self.library.bm25.idf(set(tokenize(encoded.text)))
        number_weight = _NUMBER_WEIGHT + _QUANTITY_WEIGHT * bool(_QUANTITY.search(query.asked))
        evidence = []
        for n, paper in enumerate(papers, start=1):
            spans = abstract_sentences(paper)
            texts = [paper.abstract[start:end] for start, end in spans]
            scores = [
                score
                + _LEXICAL_WEIGHT * idf_coverage(idf, set(tokenize(text)))
                + _CLAIM_WEIGHT * bool(_CLAIM.search(text))
                + number_weight * bool(_NUMBER.search(text))
                for score, text in zip(sentence_scores(self.library, encoded, paper, spans), texts, strict=True)
            ]
            if self.cross_encoder and query.kind == "fact":
                pairs = [document_text(paper.title, text) for text in texts]
                logits = self.cross_encoder.score(query.asked, pairs).answers
                scores = [score + _RERANK_WEIGHT * z for score, z in zip(scores, standardize(logits), strict=True)]
            best = _best(query, dict(zip(spans, map(float, scores), strict=True)))
            evidence.append(Evidence(n, paper, tuple(Quote(paper.abstract[a:b], a, b) for a, b in best)))
        return tuple(evidence)


def _best(query: Query, scores: Mapping[Span, float]) -> list[Span]:
    """Return the sentences to quote, in reading order: the best, and others that score nearly as high."""
    summary = query.kind == "lookup" and query.papers
    most = _SUMMARY_QUOTES if summary else _QUOTES.get(query.kind, 2)
    ranked = sorted(scores, key=lambda span: (-scores[span], span))[:most]
    least = scores[ranked[-1]] if summary else scores[ranked[0]] - _MARGINS.get(query.kind, _MARGIN)
    return sorted(span for span in ranked if scores[span] >= least)
