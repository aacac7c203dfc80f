from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore

from rag.corpus import Corpus
from rag.engine import Engine
from rag.errors import UsageError
from rag.generations import IndexFolder
from rag.index import Request, update
from rag.library import Library, open_library
from rag.retrieve import DenseRetriever, FusedRetriever, LexicalRetriever
from rag.settings import Settings
from rag.types import Answer, Done, Event, Filters, Retrieved, Token
from tests.fakes import CACHE_PAPER, HASH_RECIPE, PAPERS, HashEmbedder, ScriptedEndpoint, hash_models

QUESTION = "Which method prunes the KV cache?"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    home = tmp_path_factory.mktemp("home")
    request = Request(Corpus(PAPERS, (), 3), HASH_RECIPE, (), 2025, datetime(2026, 1, 2, tzinfo=UTC))
    update(IndexFolder(home), request, hash_models)
    opened = open_library(Settings(home=home, embed_model="hash", late_model="hash"))
    yield opened
    opened.close()


def make(library: Library, settings: Settings) -> Engine:
    embedder = HashEmbedder()

    def retriever(filters: Filters) -> FusedRetriever:
        signals = {
            "dense": DenseRetriever(library, embedder, filters, settings.pool),
            "lexical": LexicalRetriever(library, filters, settings.pool),
        }
        return FusedRetriever(signals, {"dense": 1.0, "lexical": 1.0}, settings.rrf_k)

    return Engine(settings, library, embedder, retriever)


def written(library: Library, endpoint: ScriptedEndpoint, **more: object) -> tuple[list[Event], Answer]:
    settings = replace(Settings(cited=2), llm_base_url=endpoint.url, llm_model="small-model", **more)
    events = list(make(library, settings).ask(QUESTION))
    assert isinstance(events[-1], Done)
    return events, events[-1].answer


def streamed(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def test_search_ranks_papers_with_their_rank_in_each_signal(library: Library) -> None:
    hits = make(library, Settings()).search(QUESTION).hits
    assert (hits[0].paper, hits[0].rank, hits[0].score) == (CACHE_PAPER, 1, pytest.approx(1.0))
    assert hits[0].ranks == {"dense": 1, "lexical": 1}
    assert [hit.rank for hit in hits] == [1, 2, 3]


def test_pool_bounds_what_each_signal_proposes(library: Library) -> None:
    assert len(make(library, Settings(pool=1)).search(QUESTION).hits) == 1


def test_answer_without_endpoint_is_extractive_and_cites_verbatim(library: Library) -> None:
    events = list(make(library, Settings(cited=1)).ask(QUESTION))
    assert [type(event) for event in events] == [Retrieved, Done]
    answer = events[-1].answer  # type: ignore[union-attr]
    assert (answer.status, answer.model, answer.notice) == ("extractive", None, None)
    assert answer.text == "- We present Pebble, which prunes the KV cache and cuts its memory by 2.57×. [1]"
    (citation,) = answer.citations
    (quote,) = citation.quotes
    assert (citation.n, citation.paper.paper_id, quote.verdict) == (1, "2401.00001", "supported")
    assert CACHE_PAPER.abstract[quote.start : quote.end] == quote.text
    assert len(answer.near_misses) == 1
    assert answer.near_misses[0].n is None
    assert set(answer.timings_ms) == {"embed", "retrieve", "evidence", "total"}


def test_filters_exclude_papers_and_nothing_left_is_refused(library: Library) -> None:
    engine = make(library, Settings())
    assert {hit.paper.year for hit in engine.search(QUESTION, Filters(until="2023")).hits} == {2018, 2023}
    (_, done) = engine.ask(QUESTION, Filters(since="2030"))
    answer = done.answer  # type: ignore[union-attr]
    assert (answer.status, answer.text) == ("refused", "The collection does not answer this.")
    assert answer.notice == "No paper in the collection is dated 2030 or later."


def test_empty_question_is_a_clear_error(library: Library) -> None:
    with pytest.raises(UsageError, match="The question is empty"):
        list(make(library, Settings()).ask(" \n"))


def test_very_long_question_is_answered_with_a_notice(library: Library) -> None:
    *_, done = make(library, Settings()).ask("cache " * 600)
    assert "only its first 512 tokens" in str(done.answer.notice)  # type: ignore[union-attr]


def test_endpoint_writes_an_answer_whose_markers_are_checked(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes the cache ", "[", "1", "]. It is fast [7", "]. Also [1, 2].")
    events, answer = written(library, endpoint)
    assert answer.text == streamed(events) == "Pebble prunes the cache [1]. It is fast. Also [1][2]."
    assert (answer.status, answer.model) == ("answered", "small-model")
    assert [citation.n for citation in answer.citations] == [1, 2]
    assert answer.citations[0].quotes[0].verdict is None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.unknown_markers) == (70, 7, 1)
    assert answer.notice == "Removed 1 citation number(s) that named no evidence."
    assert {"prompt", "first_token", "write"} <= set(answer.timings_ms)


def test_endpoint_gets_the_evidence_once_with_explicit_sampling(library: Library, endpoint: ScriptedEndpoint) -> None:
    written(library, endpoint, llm_api_key="sesame")
    (request,) = endpoint.requests
    assert endpoint.keys == ["Bearer sesame"]
    assert (request["model"], request["temperature"], request["stream"]) == ("small-model", 0.0, True)
    system, user = (message["content"] for message in request["messages"])
    assert "The collection does not answer this." in system
    assert "[1] Small Caches (2024-01-05)\nKey-value caches fill" in user
    assert user.endswith(f"Question: {QUESTION}\nAnswer:")


def test_use_llm_false_does_not_reach_the_endpoint(library: Library, endpoint: ScriptedEndpoint) -> None:
    settings = Settings(llm_base_url=endpoint.url, llm_model="small-model")
    *_, done = make(library, settings).ask(QUESTION, use_llm=False)
    assert (done.answer.status, endpoint.requests) == ("extractive", [])  # type: ignore[union-attr]


def test_model_that_says_it_is_not_answered_refuses(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("The collection does not ", "answer this.")
    _, answer = written(library, endpoint)
    assert (answer.status, answer.citations) == ("refused", ())
    assert next(citation.paper for citation in answer.near_misses) == CACHE_PAPER


def test_answer_without_a_citation_says_that_it_cannot_be_checked(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Caches are nice.",)
    _, answer = written(library, endpoint)
    assert answer.notice == "The model cited no paper: nothing here can be checked."


def test_answer_that_reached_its_limit_is_truncated(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.finish_reason = "length"
    _, answer = written(library, endpoint)
    assert answer.status == "truncated"
    assert "CITEDESK_LLM_MAX_TOKENS" in str(answer.notice)


@pytest.mark.parametrize(
    ("fault", "notice"),
    [
        ({"status": 401, "body": b'{"error": "no"}'}, r"refused the key \(HTTP 401\): check CITEDESK_LLM_API_KEY"),
        ({"status": 404, "body": b'{"error": "no"}'}, "has no such address or model"),
        ({"status": 500, "body": b"<html>oops</html>"}, "answered HTTP 500"),
        ({"body": b"this is no stream"}, "sent no answer, or not as a stream"),
        ({"body": b"data: {}\n\n"}, "sent an invalid response"),
        ({"body": b"data: []\n\n"}, "sent an invalid response"),
        ({"body": b'data: {"choices": null}\n\n'}, "sent an invalid response"),
        ({"body": b'data: {"choices": [{"delta": {"content": 5}}]}\n\n'}, "sent an invalid response"),
        ({"body": b'data: {"choices": [], "usage": 5}\n\n'}, "sent an invalid response"),
        ({"pieces": ("Half an", " answer"), "cut_after": 1}, "broke off before the answer's end"),
        ({"pieces": ()}, "sent no answer"),
        ({"pieces": (" ", "\n")}, "sent no answer"),
        ({"silent_after": 0}, r"sent nothing for 0.3 s \(CITEDESK_LLM_TIMEOUT\)"),
    ],
)
def test_failing_endpoint_gives_the_extractive_answer_and_says_why(
    library: Library, endpoint: ScriptedEndpoint, fault: dict[str, object], notice: str
) -> None:
    for name, value in fault.items():
        setattr(endpoint, name, value)
    _, answer = written(library, endpoint, llm_timeout=0.3 if "silent_after" in fault else 30)
    assert answer.status == "extractive"
    assert answer.text.startswith("- We present Pebble")
    assert re.search(notice, str(answer.notice))
    assert "The extractive answer stands in for it." in str(answer.notice)
    assert len(endpoint.requests) == 1


def test_redirect_to_another_server_is_not_followed(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.status, endpoint.redirect = 307, "/v1/elsewhere"
    _, answer = written(library, endpoint)
    assert "answered HTTP 307" in str(answer.notice)
    assert len(endpoint.requests) == 1


def test_endpoint_that_is_not_there_is_named(library: Library) -> None:
    settings = Settings(llm_base_url="http://127.0.0.1:9/v1", llm_model="m")
    *_, done = make(library, settings).ask(QUESTION)
    assert "http://127.0.0.1:9/v1 cannot be reached" in str(done.answer.notice)  # type: ignore[union-attr]


def test_caller_that_stops_ends_the_endpoints_work(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = tuple("word " for _ in range(100_000))
    settings = Settings(llm_base_url=endpoint.url, llm_model="small-model")
    events = make(library, settings).ask(QUESTION)
    next(event for event in events if isinstance(event, Token))
    events.close()
    assert endpoint.closed_early.wait(30)


def test_paper_that_was_not_sent_cannot_be_cited(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("One [1], two [2].",)
    _, answer = written(library, endpoint, llm_context=512, llm_max_tokens=270)
    assert (answer.text, [citation.n for citation in answer.citations]) == ("One [1], two.", [1])
    assert "Only 1 of 2 papers fitted into CITEDESK_LLM_CONTEXT." in str(answer.notice)


def test_question_that_leaves_no_room_is_answered_extractively(library: Library, endpoint: ScriptedEndpoint) -> None:
    settings = Settings(llm_base_url=endpoint.url, llm_model="small-model", llm_context=512, llm_max_tokens=250)
    *_, done = make(library, settings).ask("KV cache " * 100)
    assert (done.answer.status, endpoint.requests) == ("extractive", [])  # type: ignore[union-attr]
    assert "No paper fits into CITEDESK_LLM_CONTEXT" in str(done.answer.notice)  # type: ignore[union-attr]


def test_refusal_with_a_marker_is_a_refusal(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("The collection does not answer this [1].",)
    _, answer = written(library, endpoint)
    assert (answer.status, answer.text) == ("refused", "The collection does not answer this.")


def test_marker_that_ends_the_text_is_shown(library: Library, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes it [1", "]")
    events, answer = written(library, endpoint)
    assert answer.text == streamed(events) == "Pebble prunes it [1]"


def test_postprocessor_of_llamaindex_reorders_what_is_answered_from(library: Library) -> None:
    class Backwards(BaseNodePostprocessor):
        def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: object = None) -> list[NodeWithScore]:
            assert "ranks" not in nodes[0].node.get_content(MetadataMode.EMBED)
            return [*reversed(nodes), nodes[-1]]

    engine = make(library, Settings())
    forwards = [hit.paper for hit in engine.search(QUESTION).hits]
    assert len(forwards) == 3
    turned = Engine(Settings(), library, HashEmbedder(), engine._retriever, [Backwards()]).search(QUESTION).hits
    assert [hit.paper for hit in turned] == forwards[::-1]
    assert [hit.rank for hit in turned] == [1, 2, 3]


def test_paper_of_many_chunks_does_not_crowd_out_the_pool(tmp_path: Path) -> None:
    long = replace(CACHE_PAPER, paper_id="long", title="KV", abstract="The KV cache is pruned by a method. " * 200)
    papers = (long, *PAPERS)
    request = Request(Corpus(papers, (), 4), HASH_RECIPE, (), 2025, datetime(2026, 1, 2, tzinfo=UTC))
    update(IndexFolder(tmp_path), request, hash_models)
    library = open_library(Settings(home=tmp_path, embed_model="hash", late_model="hash"))
    nodes = DenseRetriever(library, HashEmbedder(), Filters(), 3).retrieve(QUESTION)
    library.close()
    assert len({node.node.metadata["paper_id"] for node in nodes}) == 3


def test_library_is_read_back_in_corpus_order(library: Library) -> None:
    assert tuple(library.papers.values()) == PAPERS
