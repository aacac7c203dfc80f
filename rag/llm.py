"""The endpoint that writes answers: LlamaIndex's OpenAILike, one request per answer, its failures as one plain line.

Heavy to import; only loaded where an endpoint is configured.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import openai
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseGen, MessageRole
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.prompts import ChatPromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.base import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.llms.openai_like import OpenAILike

from rag.errors import LLMFailed
from rag.settings import Settings
from rag.writing.prompts import QUESTION, SYSTEM

_CONNECT_SECONDS = 5.0
_FAILURES = (openai.OpenAIError, httpx.HTTPError, httpx.InvalidURL, ValueError)
_NO_KEY = "none"  # the client insists on one, a local server does not look at it


@dataclass(slots=True)
class Report:
    """What the endpoint said beside the text: why it stopped, and what it counted."""

    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Endpoint(OpenAILike):
    """OpenAILike that times out between tokens, and keeps the last chunk's report, which LlamaIndex drops."""

    _report: Report = PrivateAttr(default_factory=Report)

    @property
    def report(self) -> Report:
        """What is known of the last answer."""
        return self._report

    def client(self) -> openai.OpenAI:
        """Give the OpenAI client that this endpoint is reached by."""
        client: openai.OpenAI = self._get_client()
        return client

    def close(self) -> None:
        """End whatever the endpoint is still sending."""
        self.client().close()

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Stream an answer; its end and cost are in `report` when it is over."""
        return self._reported(super().stream_chat(messages, **kwargs))

    def _reported(self, responses: ChatResponseGen) -> Generator[ChatResponse, None, None]:
        for response in responses:
            raw = response.raw
            for choice in getattr(raw, "choices", None) or []:
                self._report.finish_reason = choice.finish_reason or self._report.finish_reason
            if usage := getattr(raw, "usage", None):
                self._report.prompt_tokens = usage.prompt_tokens
                self._report.completion_tokens = usage.completion_tokens
            yield response

    def _get_credential_kwargs(self, is_async: bool = False) -> dict[str, Any]:
        timeout = httpx.Timeout(self.timeout, connect=min(_CONNECT_SECONDS, self.timeout))
        return {**super()._get_credential_kwargs(is_async), "timeout": timeout}


class EvidenceSynthesizer(BaseSynthesizer):
    """Asks once, with all the evidence in one message.

    LlamaIndex's own: COMPACT asks several times and its numbers drift; SIMPLE_SUMMARIZE (core 0.14.25) puts the
    Python list of chunks into the prompt.
    """

    def __init__(self, llm: Endpoint) -> None:
        super().__init__(llm=llm, streaming=True)
        self._template = ChatPromptTemplate(
            [ChatMessage(SYSTEM, role=MessageRole.SYSTEM), ChatMessage(QUESTION, role=MessageRole.USER)]
        )

    def get_response(self, query_str: str, text_chunks: Sequence[str], **kwargs: Any) -> Any:
        """Stream the answer to a question from formatted evidence."""
        return self._llm.stream(self._template, query_str=query_str, context_str="\n\n".join(text_chunks), **kwargs)

    async def aget_response(self, query_str: str, text_chunks: Sequence[str], **kwargs: Any) -> Any:
        """Stream the answer without blocking the event loop."""
        context = "\n\n".join(text_chunks)
        return await self._llm.astream(self._template, query_str=query_str, context_str=context, **kwargs)

    def _get_prompts(self) -> dict[str, Any]:
        return {"text_qa_template": self._template}

    def _update_prompts(self, prompts: dict[str, Any]) -> None:
        self._template = prompts.get("text_qa_template", self._template)


def open_endpoint(settings: Settings) -> Endpoint:
    """Make a client of the configured endpoint for one answer; nothing is sent yet."""
    return Endpoint(
        model=settings.llm_model or "",
        api_base=settings.llm_base_url,
        api_key=settings.llm_api_key or _NO_KEY,
        is_chat_model=True,
        context_window=settings.llm_context,
        max_tokens=settings.llm_max_tokens,
        temperature=0.0,
        timeout=settings.llm_timeout,
        max_retries=0,
        http_client=httpx.Client(follow_redirects=False),  # evidence goes to the address that was named, to no other
        additional_kwargs={"stream_options": {"include_usage": True}},
    )


def stream_answer(
    query_engine: RetrieverQueryEngine, endpoint: Endpoint, question: str, texts: Sequence[str]
) -> Generator[str, None, None]:
    """Yield an answer's tokens as they come; raises LLMFailed, which says what failed and what to look at."""
    where = f"The endpoint {endpoint.api_base}"
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts]
    text = ""
    try:
        for token in query_engine.synthesize(QueryBundle(question), nodes).response_gen:
            text += token
            yield token
    except (
        openai.OpenAIError,
        httpx.HTTPError,
        httpx.InvalidURL,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
    ) as error:
        # The client passes on whatever JSON a server sends, and LlamaIndex trips over what is no chunk.
        raise LLMFailed(f"{where} {explain(error, endpoint)}.") from error
    finally:
        endpoint.close()
    if not text.strip():
        raise LLMFailed(f"{where} sent no answer, or not as a stream; does the address end in /v1?")
    if endpoint.report.finish_reason is None:
        raise LLMFailed(f"{where} broke off before the answer's end.")


def explain(error: Exception, endpoint: Endpoint) -> str:
    """Say in words what an exception of the client means, and which setting to look at."""
    if isinstance(error.__cause__, httpx.ConnectTimeout):
        return "cannot be reached (no connection in time): check CITEDESK_LLM_BASE_URL"
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
        return f"sent nothing for {endpoint.timeout:g} s (CITEDESK_LLM_TIMEOUT)"
    if isinstance(error, openai.APIConnectionError | httpx.TransportError):
        return f"cannot be reached ({_first_line(error.__cause__ or error)}): check CITEDESK_LLM_BASE_URL"
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return f"refused the key (HTTP {error.status_code}): check CITEDESK_LLM_API_KEY"
    if isinstance(error, openai.NotFoundError):
        return "has no such address or model (HTTP 404): check CITEDESK_LLM_BASE_URL and CITEDESK_LLM_MODEL"
    if isinstance(error, openai.APIStatusError):
        return f"answered HTTP {error.status_code} ({_first_line(error.message)})"
    return f"sent an invalid response ({_first_line(error)})"


def _first_line(error: object) -> str:
    return str(error).strip().split("\n")[0][:200]
