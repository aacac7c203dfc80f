"""LlamaIndex adapters: our search as a retriever, other people's postprocessors in our search, and the query engine.

This is the only module that knows LlamaIndex's nodes; a question that no endpoint writes up does not import it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.base import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag.generation.prompts import answer_messages
from rag.llm.protocol import ChatModel
from rag.types import Hit, Kind, Paper, Query, Turn

_HIDDEN = ["paper_id", "date"]  # metadata that a model which reads the node should not see


def paper_to_node(paper: Paper) -> TextNode:
    """Return the node of a paper: its abstract as text, with paper_id, title and date as metadata."""
    return TextNode(
        id_=paper.paper_id,
        text=paper.abstract,
        metadata={"paper_id": paper.paper_id, "title": paper.title, "date": paper.date},
        excluded_embed_metadata_keys=_HIDDEN,
        excluded_llm_metadata_keys=_HIDDEN,
    )


_ADDED = 0.5  # probability of a paper that only a postprocessor has found: no model has scored it


def hits_to_nodes(hits: Sequence[Hit]) -> list[NodeWithScore]:
    """Return one node per paper, scored by the strength that ranked it."""
    return [NodeWithScore(node=paper_to_node(hit.paper), score=hit.strength) for hit in hits]


def nodes_to_hits(nodes: Sequence[NodeWithScore], hits: Sequence[Hit], papers: Mapping[str, Paper]) -> tuple[Hit, ...]:
    """Return the hits of nodes in their order, one per paper, with the signals that they had among `hits`."""
    known = {hit.paper.paper_id: hit for hit in hits}
    first: dict[str, NodeWithScore] = {}
    for node in nodes:
        first.setdefault(str(node.node.metadata["paper_id"]), node)
    return tuple(
        replace(known.get(paper_id, Hit(rank, papers[paper_id], _ADDED)), rank=rank, strength=float(node.score or 0))
        for rank, (paper_id, node) in enumerate(first.items(), start=1)
    )


def postprocess(
    hits: Sequence[Hit], postprocessors: Sequence[BaseNodePostprocessor], question: str, papers: Mapping[str, Paper]
) -> tuple[Hit, ...]:
    """Let LlamaIndex postprocessors filter, reorder or rescore a ranking."""
    nodes, bundle = hits_to_nodes(hits), QueryBundle(question)
    for postprocessor in postprocessors:
        nodes = postprocessor.postprocess_nodes(nodes, bundle)
    return nodes_to_hits(nodes, hits, papers)


class PaperRetriever(BaseRetriever):
    """Any search for papers as a LlamaIndex retriever, one node per paper, best first."""

    def __init__(self, search: Callable[[str], Sequence[Hit]]) -> None:
        self._search = search
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return hits_to_nodes(self._search(query_bundle.query_str))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)  # CPU-bound


class EvidenceSynthesizer(BaseSynthesizer):
    """Writes an answer from formatted papers with one streamed request.

    LlamaIndex's own modes do not fit: COMPACT asks several times and its numbers drift; SIMPLE_SUMMARIZE (core 0.14.25)
    puts the Python list of chunks into the prompt. The chat model is asked directly, because it bounds times and counts
    tokens, which LlamaIndex's interface drops.
    """

    def __init__(self, chat: ChatModel, kind: Kind, previous: Turn | None = None, considers: bool = False) -> None:
        super().__init__(llm=MockLLM(), streaming=True)  # else the base class asks OpenAI's for its sizes
        self._chat = chat
        self._kind = kind
        self._previous = previous
        self._considers = considers

    def get_response(self, query_str: str, text_chunks: Sequence[str], **kwargs: Any) -> Generator[str, None, None]:
        """Stream the answer to a question from formatted papers; raises LLMFailed."""
        yield from self._chat.stream(
            answer_messages(query_str, text_chunks, self._kind, self._previous, self._considers)
        )

    async def aget_response(self, query_str: str, text_chunks: Sequence[str], **kwargs: Any) -> str:
        """Return the whole answer, made in a thread."""
        return await asyncio.to_thread(lambda: "".join(self.get_response(query_str, text_chunks)))

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: dict[str, Any]) -> None:
        if prompts:
            raise ValueError("the prompts are in rag.generation.prompts")


def query_engine(
    search: Callable[[str], Sequence[Hit]],
    chat: ChatModel,
    kind: Kind,
    postprocessors: Sequence[BaseNodePostprocessor] = (),
) -> RetrieverQueryEngine:
    """Return a LlamaIndex query engine that retrieves with `search` and writes with `chat`."""
    return RetrieverQueryEngine(PaperRetriever(search), EvidenceSynthesizer(chat, kind), list(postprocessors))


def stream_answer(
    chat: ChatModel, query: Query, papers: Sequence[str], previous: Turn | None = None, considers: bool = False
) -> Generator[str, None, None]:
    """Stream the query engine's answer from formatted papers, in the order given; raises LLMFailed."""
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in papers]
    synthesizer = EvidenceSynthesizer(chat, query.kind, previous, considers)
    engine = RetrieverQueryEngine(PaperRetriever(lambda question: ()), synthesizer)
    yield from engine.synthesize(QueryBundle(query.asked), nodes).response_gen
