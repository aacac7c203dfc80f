"""Sentences of an abstract, and how close each is to the query."""

from __future__ import annotations

from collections.abc import Sequence

from rag.index.library import Library
from rag.index.maxsim import mean_maxsim
from rag.models.onnx import Array
from rag.retrieval.encoded_query import EncodedQuery
from rag.text.sentences import sentence_spans
from rag.types import Paper

Span = tuple[int, int]


def abstract_sentences(paper: Paper) -> tuple[Span, ...]:
    """Return the (start, end) of each sentence of an abstract; all of it where none is found."""
    return paper.sentences or sentence_spans(paper.abstract) or ((0, len(paper.abstract)),)


def sentence_scores(library: Library, query: EncodedQuery, paper: Paper, spans: Sequence[Span]) -> list[float]:
    """Return the weighted MaxSim of each sentence with the query, in [-1, 1]."""
    return [float(value) for value in mean_maxsim(sentence_similarities(library, query, paper, spans), query.weights)]


def sentence_similarities(library: Library, query: EncodedQuery, paper: Paper, spans: Sequence[Span]) -> Array:
    """Return the similarity of each sentence to each token of the query: (sentences, tokens), in [-1, 1]."""
    return library.maxsim.span_similarities(query.tokens, library.papers.position(paper.paper_id), spans)
