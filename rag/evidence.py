"""The sentences of a paper that answer a question best, as verbatim Quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from rag.embed import Embedder, Vectors
from rag.lexical import LexicalIndex
from rag.sentences import sentence_spans
from rag.tokens import tokenize
from rag.types import Evidence, Paper, Quote

_LEXICAL_WEIGHT = 0.3  # of the share of the question's words, weighed by rarity, beside the cosine
_CLAIM = re.compile(r"\b(we|our|this (paper|work|article|study|survey))\b", re.IGNORECASE)
_CLAIM_WEIGHT = 0.05  # a paper's own claim answers better than its account of the problem
_NUMBER = re.compile(r"\d")
_NUMBER_WEIGHT = 0.03
_MARGIN = 0.03  # how far below the best a second sentence may score
_QUOTES = 2
_EMBEDDED = 30  # sentences of one paper that are embedded: those that share most with the question

_Span = tuple[int, int]


class SentenceChooser:
    """Scores sentences by their cosine with the question, the share of its words that they hold, and a small prior."""

    def __init__(self, embedder: Embedder, lexical: LexicalIndex) -> None:
        self._embedder = embedder
        self._lexical = lexical

    def evidence(self, question: str, vector: Vectors, papers: Sequence[Paper]) -> tuple[Evidence, ...]:
        """Number papers from 1 in the order given, each with its one or two best sentences in reading order."""
        rarity = self._lexical.rarity(set(tokenize(question)))
        without_meaning = [_scores(rarity, paper) for paper in papers]
        texts = [
            paper.abstract[start:end]
            for paper, spans in zip(papers, without_meaning, strict=True)
            for start, end in spans
        ]
        if not texts:
            return ()
        cosines = iter(self._embedder.embed_documents(texts) @ np.asarray(vector))
        return tuple(
            Evidence(n, paper, _best(paper, {span: float(next(cosines)) + score for span, score in scores.items()}))
            for n, (paper, scores) in enumerate(zip(papers, without_meaning, strict=True), start=1)
        )


def _scores(rarity: Mapping[str, float], paper: Paper) -> dict[_Span, float]:
    """Map the sentences worth embedding, in reading order, to what their words alone say for them."""
    total = sum(rarity.values()) or 1.0
    spans = sentence_spans(paper.abstract) or ((0, len(paper.abstract)),)
    scores = {}
    for start, end in spans:
        text = paper.abstract[start:end]
        words = set(tokenize(text))
        share = sum(weight for term, weight in rarity.items() if term in words) / total
        scores[start, end] = _LEXICAL_WEIGHT * share + _prior(text)
    kept = sorted(spans, key=lambda span: (-scores[span], span))[:_EMBEDDED]
    return {span: scores[span] for span in sorted(kept)}


def _prior(text: str) -> float:
    return _CLAIM_WEIGHT * bool(_CLAIM.search(text)) + _NUMBER_WEIGHT * bool(_NUMBER.search(text))


def _best(paper: Paper, scores: dict[_Span, float]) -> tuple[Quote, ...]:
    ranked = sorted(scores, key=lambda span: (-scores[span], span))[:_QUOTES]
    near = sorted(span for span in ranked if scores[span] >= scores[ranked[0]] - _MARGIN)
    return tuple(Quote(paper.abstract[start:end], start, end) for start, end in near)
