from __future__ import annotations

import asyncio
from pathlib import Path

from llama_index.core.schema import MetadataMode

from rag.engine import Engine
from rag.generation.llama_index import PaperRetriever, hits_to_nodes, nodes_to_hits
from rag.index.library import Library
from rag.types import Hit
from tests.fakes import EASY_RANKER, PEBBLE, REEF, SHELF, ScriptedChat, hash_models, hash_settings

QUESTION = "Which method prunes the KV cache?"
HITS = (Hit(1, PEBBLE, 0.9, 2.0, {"dense": 0.5}), Hit(2, REEF, 0.4, 1.0, {"dense": 0.2}))
PAPERS = {paper.paper_id: paper for paper in SHELF}


def test_node_has_abstract_and_metadata_but_shows_a_model_no_id() -> None:
    node = hits_to_nodes(HITS)[0]
    assert (node.score, node.node.metadata["paper_id"]) == (2.0, PEBBLE.paper_id)
    shown = node.node.get_content(MetadataMode.LLM)
    assert PEBBLE.abstract in shown and PEBBLE.paper_id not in shown


def test_nodes_come_back_as_hits_with_their_signals_one_for_each_paper() -> None:
    first, second = hits_to_nodes(HITS)
    found = nodes_to_hits([second, first, second], HITS, PAPERS)
    assert [(hit.rank, hit.paper, hit.strength, hit.signals) for hit in found] == [
        (1, REEF, 1.0, {"dense": 0.2}),
        (2, PEBBLE, 2.0, {"dense": 0.5}),
    ]


def test_retriever_works_for_callers_that_await() -> None:
    retriever = PaperRetriever(lambda question: HITS)
    assert asyncio.run(retriever.aretrieve(QUESTION)) == retriever.retrieve(QUESTION)


def test_query_engine_searches_and_writes(shelf: Library) -> None:
    engine = Engine(hash_settings(Path("home")), shelf, hash_models(), ranker=EASY_RANKER)
    chat = ScriptedChat(["Pebble prunes it [1]."])
    response = engine.query_engine(chat).query(QUESTION)
    assert "".join(response.response_gen) == "Pebble prunes it [1]."  # type: ignore[union-attr]
    assert response.source_nodes[0].node.metadata["paper_id"] == PEBBLE.paper_id
