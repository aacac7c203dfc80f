"""Passages of an abstract: its sentences, how close each is to the query, and the one a cross-encoder reads."""

from __future__ import annotations

from collections.abc import Sequence

from rag.index.library import Library
from rag.index.maxsim import mean_maxsim
from rag.retrieval.encoded_query import EncodedQuery
from rag.text.sentences import sentence_spans
from rag.types import Paper

_PASSAGE_CHARACTERS = 450  # about 100 tokens: reading more takes longer and ranks no better

Span = tuple[int, int]


def abstract_sentences(paper: Paper) -> tuple[Span, ...]:
    """Return the (start, end) of each sentence of an abstract; all of it where none is found."""
    return sentence_spans(paper.abstract) or ((0, len(paper.abstract)),)


def sentence_scores(library: Library, query: EncodedQuery, paper: Paper, spans: Sequence[Span]) -> list[float]:
    """Return the weighted MaxSim of each sentence with the query, in [-1, 1]."""
    similarities = library.maxsim.span_similarities(query.tokens, library.positions[paper.paper_id], spans)
    return [float(value) for value in mean_maxsim(similarities, query.weights)]


def best_passage(library: Library, query: EncodedQuery, paper: Paper) -> str:
    """Return the title and the run of sentences with the greatest sum of scores.

    A run has at most 450 characters, or is one sentence that is longer.
    """
    spans = abstract_sentences(paper)
    scores = sentence_scores(library, query, paper, spans)
    runs = [_run(spans, first) for first in range(len(spans))]
    first, last = max(runs, key=lambda run: (sum(scores[run[0] : run[1]]), -run[0]))
    return f"{paper.title}. {paper.abstract[spans[first][0] : spans[last - 1][1]]}"


def _run(spans: Sequence[Span], first: int) -> tuple[int, int]:
    """Return (first, end) of the longest run of sentences from `first` that fits, end exclusive."""
    last = first + 1
    while last < len(spans) and spans[last][1] - spans[first][0] <= _PASSAGE_CHARACTERS:
        last += 1
    return first, last
