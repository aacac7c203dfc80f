"""One question, from search to finished answer: `ask` yields Retrieved, Tokens, and Done.

`build` is the one place where the parts are put together; LlamaIndex retrievers and postprocessors of your own fit in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import QueryBundle

from rag.answers import Draft, Written
from rag.cite import MarkerFilter
from rag.clock import Clock
from rag.embed import Embedder, Vectors, load_embedder
from rag.errors import LLMFailed, UsageError
from rag.evidence import SentenceChooser
from rag.library import Library, open_library
from rag.prompts import fit_evidence
from rag.retrieve import DenseRetriever, FusedRetriever, LexicalRetriever, hits_from_nodes
from rag.settings import Settings
from rag.types import Answer, Citation, Done, Event, Filters, Hit, Retrieved, Token, Usage

if TYPE_CHECKING:
    from rag.llm import Endpoint

_CUTS = {"length": "it reached CITEDESK_LLM_MAX_TOKENS", "content_filter": "its content filter stopped it"}
RetrieverFactory = Callable[[Filters], BaseRetriever]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; `vector` is the question's, of shape (dimension,)."""

    question: str
    vector: Vectors
    hits: tuple[Hit, ...]
    notice: str | None
    timings_ms: Mapping[str, float]


class Engine:
    """Answers questions about one library; keeps nothing between questions."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        embedder: Embedder,
        retriever: RetrieverFactory,
        postprocessors: Sequence[BaseNodePostprocessor] = (),
    ) -> None:
        self.library = library
        self._settings = settings
        self._embedder = embedder
        self._retriever = retriever
        self._postprocessors = list(postprocessors)
        self._chooser = SentenceChooser(embedder, library.lexical)

    def search(self, question: str, filters: Filters = Filters()) -> Found:
        """Find papers, best first; raises UsageError for an empty question."""
        clock = Clock()
        return replace(self._find(question, filters, clock), timings_ms=clock.stop())

    def ask(self, question: str, filters: Filters = Filters(), use_llm: bool = True) -> Generator[Event, None, None]:
        """Answer a question; the last event is Done. Raises UsageError for an empty question.

        Where no endpoint is configured, or not `use_llm`, the answer is extractive. Closing the iterator ends the
        endpoint's work too.
        """
        clock = Clock()
        found = self._find(question, filters, clock)
        cited = self._settings.cited
        papers = [hit.paper for hit in found.hits[: 2 * cited]]
        evidence = self._chooser.evidence(found.question, found.vector, papers[:cited])
        clock.lap("evidence")
        yield Retrieved(found.hits, evidence)
        near_misses = tuple(Citation(None, paper) for paper in papers[cited:])
        draft = Draft(found.question, filters, evidence, near_misses, found.notice)
        if not evidence:
            answer = draft.refused()
        elif use_llm and self._settings.writes:
            answer = yield from self._write(draft, clock)
        else:
            answer = draft.extractive()
        yield Done(replace(answer, timings_ms=clock.stop()))

    def query_engine(self, endpoint: Endpoint, filters: Filters = Filters()) -> RetrieverQueryEngine:
        """Give the LlamaIndex query engine that writes the answers."""
        from rag.llm import EvidenceSynthesizer  # heavy, and only needed where there is an endpoint

        return RetrieverQueryEngine(self._retriever(filters), EvidenceSynthesizer(endpoint), self._postprocessors)

    def _find(self, question: str, filters: Filters, clock: Clock) -> Found:
        question = " ".join(question.encode(errors="replace").decode().split())
        if not question:
            raise UsageError("The question is empty. Ask one, as in: which papers cut KV-cache memory")
        vector = self._embedder.embed_query(question)
        clock.lap("embed")
        bundle = QueryBundle(question, embedding=vector.tolist())
        nodes = self._retriever(filters).retrieve(bundle)
        for postprocessor in self._postprocessors:
            nodes = postprocessor.postprocess_nodes(nodes, bundle)
        hits = hits_from_nodes(nodes, self.library.papers)
        clock.lap("retrieve")
        return Found(question, vector, hits, self._length_notice(question), {})

    def _write(self, draft: Draft, clock: Clock) -> Generator[Event, None, Answer]:
        """Stream the endpoint's answer; where it fails, the extractive one stands in and says why."""
        from rag.llm import open_endpoint, stream_answer

        sent = self._fit(draft)
        if not sent:
            return draft.extractive("No paper fits into CITEDESK_LLM_CONTEXT beside the question and the answer.")
        markers = MarkerFilter(sent)
        endpoint = open_endpoint(self._settings)
        text = ""
        tokens = stream_answer(
            self.query_engine(endpoint, draft.filters), endpoint, draft.question, tuple(sent.values())
        )
        clock.lap("prompt")
        try:
            with closing(tokens):
                for token in tokens:
                    clock.lap("write" if text else "first_token")
                    text += (shown := markers.feed(token))
                    if shown:
                        yield Token(shown)
        except LLMFailed as error:
            return draft.extractive(f"{error} The extractive answer stands in for it.")
        if rest := markers.flush():
            text += rest
            yield Token(rest)
        report = endpoint.report
        usage = Usage(report.prompt_tokens, report.completion_tokens, markers.unknown)
        model = self._settings.llm_model or ""
        cut = _CUTS.get(report.finish_reason or "")
        return draft.written(Written(text, model, tuple(markers.cited), len(sent), cut, usage))

    def _fit(self, draft: Draft) -> dict[int, str]:
        settings = self._settings
        return fit_evidence(
            draft.question,
            draft.evidence,
            settings.llm_context,
            settings.llm_max_tokens,
            lambda text: len(self._embedder.tokenize(text)),
        )

    def _length_notice(self, question: str) -> str | None:
        most = self._embedder.max_tokens
        if len(self._embedder.tokenize(question)) <= most:
            return None
        return f"The question is long: only its first {most} tokens were compared by meaning."


def build(settings: Settings, postprocessors: Sequence[BaseNodePostprocessor] = ()) -> Engine:
    """Open the index in use and load its model; raises CitedeskError where one of them is not there.

    `postprocessors` are LlamaIndex's, and see one node per paper, fused and best first.
    """
    return assemble(settings, open_library(settings), load_embedder(settings.embed_model), postprocessors)


def assemble(
    settings: Settings, library: Library, embedder: Embedder, postprocessors: Sequence[BaseNodePostprocessor] = ()
) -> Engine:
    """Put an engine together from an open index and a model of your own; `build` opens those that are configured."""

    def retriever(filters: Filters) -> BaseRetriever:
        return FusedRetriever(
            {
                "dense": DenseRetriever(library, embedder, filters, settings.pool),
                "lexical": LexicalRetriever(library, filters, settings.pool),
            },
            {"dense": settings.dense_weight, "lexical": settings.lexical_weight},
            settings.rrf_k,
        )

    return Engine(settings, library, embedder, retriever, postprocessors)
