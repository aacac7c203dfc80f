"""Candidate papers for a query: what dense search and BM25 propose, with the signals of both and of late interaction.

Late interaction is ColBERT's MaxSim (Khattab and Zaharia, SIGIR 2020), with each token weighted by what it is tagged
as.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.index.library import Library
from rag.index.vectors import ChunkHit
from rag.models.onnx import Array
from rag.retrieval.admitted import Mask
from rag.retrieval.encoded_query import EncodedQuery
from rag.types import Signal

_MANY = 0.2  # share of papers from which more are asked for than a filter admits
_BY_ID = 400  # the square of admitted papers, in papers, from which the same is quicker than to name them all
_FEW = 9  # the square of admitted chunks, in chunks of the collection, up to which all are compared: then as quick
_EXPANSION_SHARE = 0.5  # of a signal, for all texts that expand the question together

Signals = dict[Signal, NDArray[np.float64]]
Scored = list[tuple[str, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Retrieved papers by id, in no order; each signal is an array (n,) in its own unit.

    `respelt` are the signals of the question in another spelling, if there is one.
    """

    paper_ids: tuple[str, ...]
    signals: Signals
    respelt: Signals | None = None


def retrieve(
    library: Library,
    queries: Sequence[EncodedQuery],
    admitted: Mask | None,
    pool: int,
    always: Sequence[str] = (),
    respelt: EncodedQuery | None = None,
) -> Candidates:
    """Retrieve papers for a question, the first of `queries`, and the texts that expand it.

    Dense search and BM25 propose up to `pool` papers each for each text; those in `always` are scored in any case.
    Only `admitted` papers are returned, where given. The texts that expand the question share half of each signal. The
    signals of `respelt`, the question in another spelling, stand apart.
    """
    texts = [*queries, *([respelt] if respelt else [])]
    dense = [dense_search(library, query.vector, admitted, pool) for query in texts]
    lexical = [library.bm25.scores(query.terms) for query in texts]
    found = [
        each
        for near, scores in zip(dense, lexical, strict=True)
        for each in (near, _best_papers(library, scores, admitted, pool))
    ]
    known = [each for each in always if each in library.papers]
    if admitted is not None:
        known = [each for each, at in zip(known, library.papers.positions(known), strict=True) if admitted[at]]
    ids = tuple(dict.fromkeys([*known, *(paper_id for each in reversed(found) for paper_id, _ in each)]))
    positions = library.papers.positions(ids)
    late = library.maxsim.scores_of_all([(query.tokens, query.weights) for query in texts], positions)
    signals: list[Signals] = [
        {
            "dense": _aligned(near, ids),
            "lexical": np.asarray(scores[positions], np.float64),
            "maxsim": np.asarray(maxsim, np.float64),
        }
        for near, scores, maxsim in zip(dense, lexical, late, strict=True)
    ]
    other = signals.pop() if respelt else None
    return Candidates(ids, _joined(*signals), other)


def dense_search(library: Library, vector: Array, admitted: Mask | None, pool: int) -> Scored:
    """Return the `pool` nearest papers by the cosine of their best chunk, nearest first.

    Chroma returns chunks, so more are asked for until there are enough papers. A filter that admits few papers has all
    of theirs compared, as a graph of neighbours is slow to find them; of one that admits many, more chunks are asked
    for, and those of other papers left out.
    """
    papers, chunks = len(library.papers), library.manifest.chunks
    held = papers if admitted is None else int(admitted.sum())
    among: Sequence[str] | None = None
    if admitted is not None and held < _MANY * papers and held**2 < _BY_ID * papers:
        among = library.chunk_ids(np.flatnonzero(admitted))
        if len(among) ** 2 <= _FEW * chunks:
            return _of_papers(library.vectors.compare(vector, among))[:pool]
    most = chunks if among is None else len(among)
    wanted = min(pool, held) * math.ceil(chunks / papers)
    wanted = math.ceil(wanted * papers / held) if among is None else wanted
    while True:
        hits = library.vectors.search(vector, min(wanted, most), among)
        if admitted is not None and among is None:
            passes = admitted[library.papers.positions([hit.paper_id for hit in hits])]
            hits = [hit for hit, passed in zip(hits, passes.tolist(), strict=True) if passed]
        found = _of_papers(hits)
        if len(found) >= min(pool, held) or wanted >= most:
            return found[:pool]
        wanted *= 2


def _of_papers(hits: Iterable[ChunkHit]) -> Scored:
    """Return the papers of chunks that are nearest first, each with the similarity of its best chunk."""
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(hit.paper_id, hit.similarity)
    return list(best.items())


def bm25_search(library: Library, terms: Sequence[str], admitted: Mask | None, pool: int) -> Scored:
    """Return the `pool` best papers by BM25, best first; papers that have none of the terms are left out."""
    return _best_papers(library, library.bm25.scores(terms), admitted, pool)


def _best_papers(library: Library, scores: NDArray[np.float32], admitted: Mask | None, pool: int) -> Scored:
    places = np.flatnonzero(scores > 0 if admitted is None else (scores > 0) & admitted)
    if len(places) > pool:
        places = places[scores[places] >= np.partition(scores[places], -pool)[-pool]]
    scored = zip(-scores[places].astype(np.float64), library.papers.ids_at(places), strict=True)
    return [(paper_id, -negated) for negated, paper_id in sorted(scored)[:pool]]


def _aligned(scored: Scored, paper_ids: Sequence[str]) -> NDArray[np.float64]:
    """Return each paper's score; a paper that was not proposed gets the lowest score that was."""
    scores = dict(scored)
    lowest = min(scores.values(), default=0.0)
    return np.array([scores.get(paper_id, lowest) for paper_id in paper_ids])


def _joined(question: Signals, *expansions: Signals) -> Signals:
    """Average the question's signals with the mean of those of the texts that expand it."""
    if not expansions:
        return question
    return {
        signal: (1 - _EXPANSION_SHARE) * values
        + _EXPANSION_SHARE * np.mean([each[signal] for each in expansions], axis=0)
        for signal, values in question.items()
    }
