"""Rankings of a test set from restored vectors: by the encoder's signals as `--fast` ranks, and by single vectors."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.benchmarks.beir import TestSet
from eval.benchmarks.systems import per_query
from eval.vectors.embedded import Embedded
from eval.vectors.forms import Restore
from rag.index.bm25 import Bm25Index
from rag.index.maxsim import mean_maxsim
from rag.models.encoder import EncodedQuestion, OnnxEncoder
from rag.models.onnx import Array
from rag.retrieval.candidates import Signals
from rag.retrieval.encoded_query import search_terms
from rag.retrieval.scoring import load_ranker, relevance_features
from rag.types import Paper

_MEASURE = "ndcg@10"
_DEPTH = 100
_BLOCK = 384  # rows of a product


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """A query with the positions of its candidates (n,), and their BM25 scores."""

    query_id: str
    query: EncodedQuestion
    positions: NDArray[np.int64]
    lexical: NDArray[np.float64]


class Bench:
    """One test set, among other papers, with its vectors; candidates come from the exact vectors and BM25."""

    def __init__(
        self, test_set: TestSet, others: Sequence[Paper], embedded: Embedded, encoder: OnnxEncoder, pool: int
    ) -> None:
        papers = [*test_set.papers, *others]
        self.ids = [paper.paper_id for paper in papers]
        self._qrels = test_set.qrels
        self.embedded = embedded
        self.words = encoder.are_words[embedded.ids]
        self._first_chunks = np.flatnonzero(np.diff(embedded.of, prepend=-1))
        bm25 = Bm25Index.build(papers)
        self.candidates = []
        for query_id, text in test_set.queries.items():
            query = encoder.encode_question(text)
            dense, lexical = self._dense(query, embedded.vectors), bm25.scores(search_terms(query))
            nearest, matching = (np.argsort(-scores, kind="stable")[:pool] for scores in (dense, lexical))
            positions = np.union1d(nearest, matching[lexical[matching] > 0])
            self.candidates.append(Candidates(query_id, query, positions, lexical[positions].astype(np.float64)))
        self._relevance = load_ranker("fast").relevance

    def token_rows(self) -> NDArray[np.int64]:
        """Return the rows of the tokens of all candidates."""
        wanted = np.unique(np.concatenate([each.positions for each in self.candidates]))
        return self._rows(wanted)[0]

    def fast(self, restored: NDArray[np.float16], kept: NDArray[np.bool_] | None = None) -> list[float]:
        """Return the nDCG@10 of each query ranked by its fitted signals, with token vectors (n, 128) as restored.

        Tokens that are not `kept` are left out.
        """

        def rank(each: Candidates) -> list[str]:
            rows, firsts = self._rows(each.positions)
            similar = _products(restored, rows, each.query.tokens)
            if kept is not None:
                similar[~kept[rows]] = -1
            maxsim = mean_maxsim(np.maximum.reduceat(similar, firsts, axis=0), each.query.weights)
            signals: Signals = {"maxsim": maxsim.astype(np.float64), "lexical": each.lexical}
            return self._best(self._relevance.logits(relevance_features(signals)), each.positions)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            ranked = pool.map(rank, self.candidates)
            return self._score({each.query_id: ids for each, ids in zip(self.candidates, ranked, strict=True)})

    def dense(self, restore: Restore) -> list[float]:
        """Return the nDCG@10 of each query ranked by single vectors alone, all papers compared."""
        vectors = restore(self.embedded.vectors)
        rankings = {
            each.query_id: self._best(self._dense(each.query, vectors), np.arange(len(self.ids)))
            for each in self.candidates
        }
        return self._score(rankings)

    def _dense(self, query: EncodedQuestion, vectors: Array) -> Array:
        return np.asarray(np.maximum.reduceat(vectors @ query.vector, self._first_chunks))

    def _rows(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the token rows of papers, one paper after the other, and where each paper begins among them."""
        starts = self.embedded.starts
        counts = starts[positions + 1] - starts[positions]
        firsts = np.cumsum(counts) - counts
        return np.arange(counts.sum()) + np.repeat(starts[positions] - firsts, counts), firsts

    def _best(self, scores: NDArray[np.floating], positions: NDArray[np.int64]) -> list[str]:
        return [self.ids[positions[i]] for i in np.argsort(-scores, kind="stable")[:_DEPTH]]

    def _score(self, rankings: Mapping[str, Sequence[str]]) -> list[float]:
        return list(per_query(rankings, self._qrels)[_MEASURE].values())


def _products(vectors: NDArray[np.float16], rows: NDArray[np.int64], query: Array) -> Array:
    columns = np.ascontiguousarray(query.T)
    found = np.empty((len(rows), len(query)), np.float32)
    for first in range(0, len(rows), _BLOCK):
        np.matmul(vectors[rows[first : first + _BLOCK]].astype(np.float32), columns, out=found[first : first + _BLOCK])
    return found
