"""LlamaIndex retrievers over the library: dense, BM25, and their fusion; each returns one node per paper, best first.

LlamaIndex's types end here: `hits_from_nodes` turns its nodes into Hits.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence

import numpy as np
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag.embed import Embedder, Vectors
from rag.fuse import fuse
from rag.library import Library
from rag.types import Filters, Hit, Paper, Signal
from rag.vectors import ChunkHit

_NOT_TEXT = ["paper_id", "date", "ranks"]  # metadata that a model which reads the node should not see


class _PaperRetriever(BaseRetriever):
    """A retriever whose work is CPU-bound, so that its async form runs in a thread."""

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class DenseRetriever(_PaperRetriever):
    """Papers by the cosine of their best chunk with the question, from Chroma."""

    def __init__(self, library: Library, embedder: Embedder, filters: Filters, pool: int) -> None:
        self._library = library
        self._embedder = embedder
        self._filters = filters
        self._pool = pool
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        vector = query_bundle.embedding
        if vector is None:
            vector = self._embedder.embed_query(query_bundle.query_str).tolist()
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
            for hit in self._library.vectors.search(vector, wanted, admitted):
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
        scores = self._library.lexical.scores(query_bundle.query_str)
        found = [
            (-float(score), paper_id)
            for score, (paper_id, paper) in zip(scores, self._library.papers.items(), strict=True)
            if score > 0 and self._filters.admits(paper)
        ]
        return [
            NodeWithScore(node=paper_to_node(self._library.papers[paper_id]), score=-negated)
            for negated, paper_id in sorted(found)[: self._pool]
        ]


class FusedRetriever(_PaperRetriever):
    """Other retrievers' papers by weighted reciprocal rank; a node keeps its rank in each as metadata "ranks"."""

    def __init__(self, retrievers: Mapping[Signal, BaseRetriever], weights: Mapping[Signal, float], k: int) -> None:
        self._retrievers = retrievers
        self._weights = weights
        self._k = k
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = {signal: retriever.retrieve(query_bundle) for signal, retriever in self._retrievers.items()}
        rankings = {signal: [_paper_id(node) for node in nodes] for signal, nodes in found.items()}
        first_nodes = {_paper_id(node): node.node for nodes in reversed(found.values()) for node in nodes}
        fused = []
        for paper_id, score in fuse(rankings, self._weights, self._k):
            node = first_nodes[paper_id]
            node.metadata["ranks"] = {
                signal: ids.index(paper_id) + 1 for signal, ids in rankings.items() if paper_id in ids
            }
            fused.append(NodeWithScore(node=node, score=score))
        return fused


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
    """Turn the nodes that a retriever or postprocessor returned into Hits, in their order, one per paper."""
    first: dict[str, NodeWithScore] = {}
    for node in nodes:
        first.setdefault(_paper_id(node), node)
    return tuple(
        Hit(rank, papers[paper_id], float(node.score or 0), node.node.metadata.get("ranks", {}))
        for rank, (paper_id, node) in enumerate(first.items(), start=1)
    )


def _paper_id(node: NodeWithScore) -> str:
    return str(node.node.metadata["paper_id"])
