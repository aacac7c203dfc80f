"""The sentences of an abstract, how near each comes to a question, and the stretch that a cross-encoder is given."""

from __future__ import annotations

from collections.abc import Sequence

from rag.index.library import Library
from rag.index.maxsim import mean_maxsim
from rag.retrieval.encoded_query import Reading
from rag.text.sentences import sentence_spans
from rag.types import Paper

_CHARACTERS = 450  # about 100 tokens: reading more takes longer and ranks no better

Span = tuple[int, int]


def sentences(paper: Paper) -> tuple[Span, ...]:
    """List the sentences of an abstract; all of it where none is found."""
    return sentence_spans(paper.abstract) or ((0, len(paper.abstract)),)


def sentence_matches(library: Library, reading: Reading, paper: Paper, spans: Sequence[Span]) -> list[float]:
    """Say how near each sentence comes to the question's tokens, in [-1, 1]; zeros without token vectors."""
    if library.maxsim is None or reading.tokens is None:
        return [0.0] * len(spans)
    (position,) = library.positions_of([paper.paper_id])
    best = library.maxsim.span_similarities(reading.tokens, int(position), spans)
    return [float(value) for value in mean_maxsim(best, reading.rarity)]


def best_window(library: Library, reading: Reading, paper: Paper) -> str:
    """Give the title, and the run of sentences nearest in sum: of 450 characters, or one sentence that is longer."""
    spans = sentences(paper)
    matches = sentence_matches(library, reading, paper, spans)
    runs = [_run(spans, first) for first in range(len(spans))]
    first, last = max(runs, key=lambda run: (sum(matches[run[0] : run[1]]), -run[0]))
    return f"{paper.title}. {paper.abstract[spans[first][0] : spans[last - 1][1]]}"


def _run(spans: Sequence[Span], first: int) -> tuple[int, int]:
    """Find the end (exclusive) of the longest run of sentences from `first` on that is short enough."""
    last = first + 1
    while last < len(spans) and spans[last][1] - spans[first][0] <= _CHARACTERS:
        last += 1
    return first, last
