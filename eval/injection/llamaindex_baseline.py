"""Plain LlamaIndex for comparison: CitationQueryEngine with its defaults, over the same papers and endpoint."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import openai
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.llms.openai_like import OpenAILike

from rag.errors import LLMFailed
from rag.settings import Settings
from rag.types import Paper

_NO_KEY = "none"


class _FixedRetriever(BaseRetriever):
    """Retrieves the given papers."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        super().__init__()
        self._papers = papers

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        texts = [f"{paper.title}\n\n{paper.abstract}" for paper in self._papers]
        return [NodeWithScore(node=TextNode(text=text), score=1.0) for text in texts]


class CitationQueryEngineWriter:
    """Asks through CitationQueryEngine with its own prompts and chunks; the reply is not changed."""

    def __init__(self, settings: Settings) -> None:
        self._llm = OpenAILike(
            model=settings.llm_model or "",
            api_base=settings.llm_base_url,
            api_key=settings.llm_api_key or _NO_KEY,
            is_chat_model=True,
            context_window=settings.llm_context,
            max_tokens=settings.llm_max_tokens,
            temperature=0.0,
            timeout=settings.llm_total_timeout,
            max_retries=0,
        )

    def ask(self, question: str, papers: Sequence[Paper]) -> str:
        """Answer a question from papers; raises LLMFailed."""
        engine = CitationQueryEngine.from_args(index=None, retriever=_FixedRetriever(papers), llm=self._llm)
        try:
            return str(engine.query(question))
        except (openai.OpenAIError, httpx.HTTPError, ValueError) as error:
            raise LLMFailed(f"CitationQueryEngine got no answer ({type(error).__name__}: {error}).") from error
