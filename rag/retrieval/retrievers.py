"""LlamaIndex retrievers over the library: dense, BM25, and both with late interaction; one node per paper, best first.

LlamaIndex's types end here: `hits_from_nodes` turns its nodes into Hits.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle, TextNode
from numpy.typing import NDArray

from rag.index.library import Library
from rag.index.maxsim import mean_maxsim
from rag.index.vectors import ChunkHit
from rag.models.encoder import Encoder, Vectors
from rag.retrieval.encoded_query import Reader, Reading
from rag.retrieval.scoring import strengths
from rag.types import Filters, Hit, Paper, Signal

_FURTHER = 0.5  # share of a signal that the texts besides the question have
_Signals = dict[Signal, NDArray[np.float64]]
_NOT_TEXT = ["paper_id", "date", "signals"]  # metadata that a model which reads the node should not see


@dataclass(frozen=True, slots=True)
class Search:
    """What one search is limited to: papers that pass the filters, and so many from each signal that proposes.

    Those named in `also` are scored in any case, if they pass.
    """

    filters: Filters
    pool: int
    also: tuple[str, ...] = ()


class _PaperRetriever(BaseRetriever):
    """A retriever whose work is CPU-bound, so that its async form runs in a thread."""

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class DenseRetriever(_PaperRetriever):
    """Papers by the cosine of their best chunk with the question, from Chroma."""

    def __init__(self, library: Library, embedder: Encoder, filters: Filters, pool: int) -> None:
        self._library = library
        self._embedder = embedder
        self._filters = filters
        self._pool = pool
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        vector = query_bundle.embedding
        if vector is None:
            vector = self._embedder.encode_query(query_bundle.query_str).tolist()
        return [self._node(hit) for hit in self._best_chunks(np.asarray(vector, np.float32))]

    def _best_chunks(self, vector: Vectors) -> list[ChunkHit]:
        """Find the best chunk of each of the nearest papers, asking for more until there are enough papers."""
        chunks = self._library.manifest.chunks
        admitted = None
        if self._filters:
            admitted = {paper_id for paper_id, paper in self._library.papers.items() if self._filters.admits(paper)}
        wanted = self._pool * math.ceil(chunks / len(self._library.papers))
        while True:
            best: dict[str, ChunkHit] = {}
            for hit in self._library.vectors.search(vector, min(wanted, chunks), admitted):
                best.setdefault(hit.paper_id, hit)
            if len(best) >= self._pool or wanted >= chunks:
                return list(best.values())[: self._pool]
            wanted *= 2

    def _node(self, hit: ChunkHit) -> NodeWithScore:
        paper = self._library.papers[hit.paper_id]
        node = paper_to_node(paper, hit.chunk_id, paper.abstract[hit.start : hit.end])
        return NodeWithScore(node=node, score=hit.similarity)


class LexicalRetriever(_PaperRetriever):
    """Papers by BM25; one that shares no word with the question is not returned."""

    def __init__(self, library: Library, filters: Filters, pool: int) -> None:
        self._library = library
        self._filters = filters
        self._pool = pool
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        scores = self._library.bm25.scores(query_bundle.query_str)
        found = [
            (-float(score), paper_id)
            for score, (paper_id, paper) in zip(scores, self._library.papers.items(), strict=True)
            if score > 0 and self._filters.admits(paper)
        ]
        return [
            NodeWithScore(node=paper_to_node(self._library.papers[paper_id]), score=-negated)
            for negated, paper_id in sorted(found)[: self._pool]
        ]


class HybridRetriever(_PaperRetriever):
    """What dense and BM25 propose, scored by both and by late interaction; ranked by the trained weights.

    A node keeps what each signal gave it as metadata "signals"; its score is their weighted sum. What is searched for
    besides the question, as `custom_embedding_strs` of the bundle, proposes papers too, and has a say in the signals.
    """

    def __init__(
        self, library: Library, embedder: Encoder, reader: Reader, weights: Mapping[Signal, float], search: Search
    ) -> None:
        self._library = library
        self._proposers: dict[Signal, BaseRetriever] = {
            "dense": DenseRetriever(library, embedder, search.filters, search.pool),
            "lexical": LexicalRetriever(library, search.filters, search.pool),
        }
        self._reader = reader
        self._weights = weights
        self._search = search
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        texts = (query_bundle.query_str, *(query_bundle.custom_embedding_strs or ()))
        readings = [self._reader.read(text) for text in texts]
        proposed = [self._propose(reading) for reading in readings]
        lists = [found for by_signal in proposed for found in by_signal.values()]
        nodes: dict[str, BaseNode] = {paper.paper_id: paper_to_node(paper) for paper in self._also()}
        nodes |= {_paper_id(node): node.node for found in reversed(lists) for node in found}
        signals = [
            {signal: _values(found, nodes) for signal, found in by_signal.items()}
            | _late_signals(self._library, reading, list(nodes))
            for reading, by_signal in zip(readings, proposed, strict=True)
        ]
        return rank_nodes(list(nodes.values()), _joined(*signals), self._weights)

    def _propose(self, reading: Reading) -> dict[Signal, list[NodeWithScore]]:
        bundle = QueryBundle(reading.text, embedding=reading.vector.tolist())
        return {signal: retriever.retrieve(bundle) for signal, retriever in self._proposers.items()}

    def _also(self) -> list[Paper]:
        held = [self._library.papers[paper_id] for paper_id in self._search.also if paper_id in self._library.papers]
        return [paper for paper in held if self._search.filters.admits(paper)]


def _joined(question: _Signals, *further: _Signals) -> _Signals:
    """Let what is searched for besides the question have a share in each signal: the mean of its texts."""
    if not further:
        return question
    return {
        signal: (1 - _FURTHER) * values + _FURTHER * np.mean([each[signal] for each in further], axis=0)
        for signal, values in question.items()
    }


def _values(found: Sequence[NodeWithScore], paper_ids: Iterable[str]) -> NDArray[np.float64]:
    """Give each paper its score, and one that was not proposed the lowest that was."""
    scores = {_paper_id(node): float(node.score or 0) for node in found}
    lowest = min(scores.values(), default=0.0)
    return np.array([scores.get(paper_id, lowest) for paper_id in paper_ids])


def _late_signals(library: Library, reading: Reading, paper_ids: list[str]) -> _Signals:
    """Score papers by late interaction, with all tokens alike and with tokens of rare words counting for more."""
    if library.maxsim is None or reading.tokens is None:
        return {}
    best = library.maxsim.paper_similarities(reading.tokens, library.positions_of(paper_ids))
    return {
        "late": np.asarray(mean_maxsim(best), np.float64),
        "late_rare": np.asarray(mean_maxsim(best, reading.rarity), np.float64),
    }


def rank_nodes(
    nodes: Sequence[BaseNode], signals: Mapping[Signal, NDArray[np.float64]], weights: Mapping[Signal, float]
) -> list[NodeWithScore]:
    """Order nodes by the weighted sum of their signals, which they keep; ties go to the smaller paper_id."""
    if not nodes:
        return []
    found = []
    for i, (node, strength) in enumerate(zip(nodes, strengths(signals, weights), strict=True)):
        node.metadata["signals"] = {signal: float(values[i]) for signal, values in signals.items()}
        found.append(NodeWithScore(node=node, score=float(strength)))
    return sorted(found, key=lambda each: (-(each.score or 0), _paper_id(each)))


def paper_to_node(paper: Paper, node_id: str | None = None, text: str | None = None) -> TextNode:
    """Make the node of a paper, or of a stretch of its abstract."""
    metadata = {"paper_id": paper.paper_id, "title": paper.title, "date": paper.date}
    return TextNode(
        id_=node_id or paper.paper_id,
        text=text or paper.abstract,
        metadata=metadata,
        excluded_embed_metadata_keys=_NOT_TEXT,
        excluded_llm_metadata_keys=_NOT_TEXT,
    )


def hits_from_nodes(nodes: Sequence[NodeWithScore], papers: Mapping[str, Paper]) -> tuple[Hit, ...]:
    """Turn the nodes that a retriever or postprocessor returned into Hits, in their order, one per paper.

    Their `score` is not known yet: see `rag.selection.cut`.
    """
    first: dict[str, NodeWithScore] = {}
    for node in nodes:
        first.setdefault(_paper_id(node), node)
    return tuple(
        Hit(rank, papers[paper_id], 0.0, float(node.score or 0), node.node.metadata.get("signals", {}))
        for rank, (paper_id, node) in enumerate(first.items(), start=1)
    )


def _paper_id(node: NodeWithScore) -> str:
    return str(node.node.metadata["paper_id"])
