"""Query → Hits: the retriever, the reranker and the trained ranker put together for one library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import QueryBundle

from rag.corpus.titles import find_by_title
from rag.index.library import Library
from rag.models.loading import Models
from rag.retrieval.encoded_query import Reader, Reading
from rag.retrieval.reranking import Reranker
from rag.retrieval.retrievers import HybridRetriever, Search, hits_from_nodes
from rag.retrieval.scoring import CERTAIN, Ranker, load_ranker, with_probabilities
from rag.selection.cut import in_asked_order
from rag.settings import Settings
from rag.types import Hit, Query


class Finder:
    """Finds papers; `ranker` is the trained one of the depth that the settings ask for."""

    def __init__(
        self,
        library: Library,
        models: Models,
        settings: Settings,
        postprocessors: Sequence[BaseNodePostprocessor] = (),
        ranker: Ranker | None = None,
    ) -> None:
        self._library = library
        self._embedder = models.encoder
        self._settings = settings
        self._reader = Reader(models.encoder, models.token_encoder, library.bm25)
        self.scorer = models.cross_encoder if settings.rerank_depth else None
        self.ranker = ranker or load_ranker("full" if self.scorer else "fast")
        self.postprocessors = [*self._reranker(), *postprocessors]

    def read(self, query: Query) -> Reading:
        """Read what is searched for."""
        return self._reader.read(_searched(query))

    def retriever(self, query: Query) -> BaseRetriever:
        """Give the LlamaIndex retriever of a query's filters."""
        search = Search(query.filters, self._settings.pool, query.papers)
        return HybridRetriever(self._library, self._embedder, self._reader, self.ranker.signals, search)

    def find(self, query: Query) -> tuple[Hit, ...]:
        """Find papers, best first, each with its probability."""
        bundle = QueryBundle(_searched(query), custom_embedding_strs=list(query.further) or None)
        nodes = self.retriever(query).retrieve(bundle)
        if query.papers:  # the others stay until the end, as what strengths are measured against
            nodes.sort(key=lambda node: node.node.metadata["paper_id"] not in query.papers)
        for postprocessor in self.postprocessors:
            nodes = postprocessor.postprocess_nodes(nodes, bundle)
        hits = _admitted(query, hits_from_nodes(nodes, self._library.papers))
        hits = with_probabilities(hits, query, self.ranker.relevance)
        return in_asked_order(query, _named_first(query, hits))

    def _reranker(self) -> list[BaseNodePostprocessor]:
        if self.scorer is None:
            return []
        depth = self._settings.rerank_depth
        return [Reranker(self._library, self._reader, self.scorer, self.ranker.signals, depth)]


def _searched(query: Query) -> str:
    """Give the text to search for: what was understood, or the question where nothing is left of it."""
    return query.text or query.asked


def _admitted(query: Query, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Keep the papers that a query is restricted to."""
    kept = [hit for hit in hits if query.admits(hit.paper)] if query.papers else hits
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(kept, start=1))


def _named_first(query: Query, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Put the papers that a comparison names first, in the order of the names."""
    if query.kind != "compare":
        return tuple(hits)
    papers = {hit.paper.paper_id: hit.paper for hit in hits}
    named = [paper_id for name in query.subjects if (paper_id := find_by_title(name, papers))]
    order = {paper_id: place for place, paper_id in enumerate(dict.fromkeys(named))}
    ranked = sorted(hits, key=lambda hit: (order.get(hit.paper.paper_id, len(order)), hit.rank))
    return tuple(
        replace(hit, rank=rank, score=max(CERTAIN, hit.score) if hit.paper.paper_id in order else hit.score)
        for rank, hit in enumerate(ranked, start=1)
    )
