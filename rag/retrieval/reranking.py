"""The cross-encoder as a LlamaIndex postprocessor: it reads the best papers beside the question, and ranks anew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from rag.index.library import Library
from rag.models.cross_encoder import CrossEncoder
from rag.retrieval.encoded_query import Reader
from rag.retrieval.passages import best_window
from rag.retrieval.retrievers import rank_nodes
from rag.retrieval.scoring import Values
from rag.types import Signal


class Reranker(BaseNodePostprocessor):
    """Adds the signal "rerank" to the first `depth` papers; those behind them get the lowest that was given."""

    _library: Library = PrivateAttr()
    _reader: Reader = PrivateAttr()
    _scorer: CrossEncoder = PrivateAttr()
    _weights: Mapping[Signal, float] = PrivateAttr()
    _depth: int = PrivateAttr()

    def __init__(
        self, library: Library, reader: Reader, scorer: CrossEncoder, weights: Mapping[Signal, float], depth: int
    ) -> None:
        super().__init__()
        self._library, self._reader, self._scorer = library, reader, scorer
        self._weights, self._depth = weights, depth

    @classmethod
    def class_name(cls) -> str:
        """Name the class as LlamaIndex wants it."""
        return "CitedeskReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None or not nodes:
            return nodes
        reading = self._reader.read(query_bundle.query_str)
        papers = [self._library.papers[node.node.metadata["paper_id"]] for node in nodes[: self._depth]]
        logits = self._scorer.score(reading.text, [best_window(self._library, reading, paper) for paper in papers])
        rerank = np.full(len(nodes), float(logits.min()))
        rerank[: len(papers)] = logits
        given = [node.node.metadata.get("signals", {}) for node in nodes]
        common = set(given[0]).intersection(*given)
        known: dict[Signal, Values] = {
            name: np.array([each[name] for each in given]) for name in given[0] if name in common
        }
        return rank_nodes([node.node for node in nodes], {**known, "rerank": rerank}, self._weights)
