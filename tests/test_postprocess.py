from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.schema import NodeWithScore, QueryBundle

from rag.index.library import Library
from rag.retrieval.encoded_query import Reader
from rag.retrieval.reranking import Reranker
from rag.retrieval.retrievers import HybridRetriever, Search
from rag.types import Filters
from tests.fakes import EASY_RANKER, HashCrossEncoder, HashEncoder, HashTokenEncoder, hash_library

QUESTION = QueryBundle("prune the KV cache")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    opened = hash_library(tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


def retriever(library: Library, filters: Filters = Filters(), pool: int = 9) -> HybridRetriever:
    reader = Reader(HashEncoder(), HashTokenEncoder(), library.bm25)
    return HybridRetriever(library, HashEncoder(), reader, EASY_RANKER.signals, Search(filters, pool))


def reranker(
    library: Library, scorer: HashCrossEncoder, depth: int, weights: dict[str, float] | None = None
) -> Reranker:
    reader = Reader(HashEncoder(), HashTokenEncoder(), library.bm25)
    return Reranker(library, reader, scorer, weights or EASY_RANKER.signals, depth)  # type: ignore[arg-type]


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node.metadata["paper_id"] for node in nodes]


def test_retriever_keeps_what_each_signal_gave_each_paper(library: Library) -> None:
    nodes = retriever(library).retrieve(QUESTION)
    assert ids(nodes)[0] == "2401.00001"
    for node in nodes:
        assert list(node.node.metadata["signals"]) == ["dense", "lexical", "late", "late_rare"]


def test_retriever_gives_a_paper_that_a_signal_did_not_propose_the_lowest_that_it_gave(library: Library) -> None:
    nodes = retriever(library).retrieve(QUESTION)
    lexical = [node.node.metadata["signals"]["lexical"] for node in nodes]
    assert lexical[0] > 0
    assert set(lexical[1:]) == {lexical[0]}  # BM25 found one paper alone, so that it tells none apart


def test_retriever_works_for_callers_that_await(library: Library) -> None:
    assert ids(asyncio.run(retriever(library).aretrieve(QUESTION))) == ids(retriever(library).retrieve(QUESTION))


def test_retriever_finds_nothing_where_the_filters_admit_nothing(library: Library) -> None:
    assert retriever(library, Filters(since="2030")).retrieve(QUESTION) == []


def test_papers_are_scored_to_the_depth_and_the_rest_get_the_lowest(library: Library) -> None:
    scorer = HashCrossEncoder()
    nodes = reranker(library, scorer, 2).postprocess_nodes(retriever(library).retrieve(QUESTION), QUESTION)
    ((question, texts),) = scorer.asked
    assert (question, len(texts)) == ("prune the KV cache", 2)
    logits = {node.node.metadata["paper_id"]: node.node.metadata["signals"]["rerank"] for node in nodes}
    assert logits["2401.00001"] == 4.0
    assert sorted(logits.values()) == [-4.0, -4.0, 4.0]


def test_papers_are_ranked_by_all_signals_anew(library: Library) -> None:
    found = retriever(library).retrieve(QUESTION)
    bundle = QueryBundle("robots slip on sand")
    nodes = reranker(library, HashCrossEncoder(), 3, {"rerank": 1.0}).postprocess_nodes(found, bundle)
    assert ids(nodes)[0] == "2305.00002"
    assert nodes[0].score == pytest.approx(2**0.5)


def test_ties_go_to_the_smaller_paper_id(library: Library) -> None:
    bundle = QueryBundle("zebra")
    nodes = reranker(library, HashCrossEncoder(), 3, {"rerank": 1.0}).postprocess_nodes(
        retriever(library).retrieve(QUESTION), bundle
    )
    assert ids(nodes) == ["1804.00003", "2305.00002", "2401.00001"]


def test_depth_beyond_what_was_found_reads_all(library: Library) -> None:
    scorer = HashCrossEncoder()
    reranker(library, scorer, 50).postprocess_nodes(retriever(library).retrieve(QUESTION), QUESTION)
    assert [len(texts) for _, texts in scorer.asked] == [3]


def test_nothing_found_or_no_question_leaves_the_nodes_as_they_are(library: Library, tmp_path: Path) -> None:
    scorer = HashCrossEncoder()
    assert reranker(library, scorer, 2).postprocess_nodes([], QUESTION) == []
    found = retriever(library).retrieve(QUESTION)
    assert reranker(library, scorer, 2).postprocess_nodes(found) == found
    assert scorer.asked == []
