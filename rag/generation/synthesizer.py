"""LlamaIndex's response synthesizer over a chat model: one request with all the evidence, streamed.

LlamaIndex's own: COMPACT asks several times and its numbers drift; SIMPLE_SUMMARIZE (core 0.14.25) puts the Python list
of chunks into the prompt.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.base import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag.generation.prompts import answer_messages
from rag.llm.protocol import ChatModel
from rag.types import Kind


class EvidenceSynthesizer(BaseSynthesizer):
    """Writes an answer from formatted papers.

    The chat model is asked directly, for it bounds times and counts tokens, which LlamaIndex's interface drops.
    """

    def __init__(self, chat: ChatModel, kind: Kind) -> None:
        super().__init__(llm=MockLLM(), streaming=True)  # else the base class asks OpenAI's for its sizes
        self._chat = chat
        self._kind = kind

    def get_response(self, query_str: str, text_chunks: Sequence[str], **kwargs: Any) -> Generator[str, None, None]:
        """Stream the answer to a question from formatted papers; raises LLMFailed as it goes."""
        yield from self._chat.stream(answer_messages(query_str, text_chunks, self._kind))

    async def aget_response(self, query_str: str, text_chunks: Sequence[str], **kwargs: Any) -> str:
        """Give the answer whole, from a thread of its own."""
        import asyncio

        return await asyncio.to_thread(lambda: "".join(self.get_response(query_str, text_chunks)))

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: dict[str, Any]) -> None:
        if prompts:
            raise ValueError("the prompts are in rag.generation.prompts")


def synthesized(query_engine: RetrieverQueryEngine, question: str, papers: Sequence[str]) -> Generator[str, None, None]:
    """Stream the query engine's answer from formatted papers, in the order given; raises LLMFailed as it goes."""
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in papers]
    stream: Generator[str, None, None] = query_engine.synthesize(QueryBundle(question), nodes).response_gen
    return stream
