from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from rag.answer import Answer, Done, FirstHits, Retrieved, Token
from rag.errors import IndexMissing, UsageError
from tests.fakes import PAPERS, ScriptedEndpoint, hash_library, hash_models, hash_settings, word_writer
from tests.timing import PATIENCE
from ui.engine_holder import EngineHolder, SessionSettings
from ui.questions import QuestionEvent, QuestionRequest, SearchedIndex, Waiting, run_question
from ui.search_queue import SearchQueue

QUESTION = "which papers prune the KV cache"


class WordHolder(EngineHolder):
    """A holder whose judge needs no weights."""

    def _loaded_writer(self) -> Any:
        return word_writer(self.settings)


@pytest.fixture
def holder(tmp_path: Path, easy_ranker: None) -> Iterator[EngineHolder]:
    hash_library(tmp_path).close()
    holder = WordHolder(hash_settings(tmp_path, recall=()), lambda settings: hash_models())
    holder.search_queue = SearchQueue(1)
    holder.start()
    yield holder
    holder.close()


async def all_of(holder: EngineHolder, question: str, **options: Any) -> list[QuestionEvent]:
    async with aclosing(run_question(holder, QuestionRequest(question, **options))) as batches:
        return [item async for batch in batches for item in batch if not isinstance(item, SearchedIndex)]


def answer_of(items: list[QuestionEvent]) -> Answer:
    assert isinstance(items[-1], Done)
    return items[-1].answer


def test_question_that_comes_before_the_models_waits_for_them(tmp_path: Path, easy_ranker: None) -> None:
    hash_library(tmp_path).close()
    holder = EngineHolder(hash_settings(tmp_path), lambda settings: (time.sleep(0.3), hash_models())[1])
    holder.start()
    items = asyncio.run(all_of(holder, QUESTION))
    holder.close()
    assert items[0] == Waiting(0)
    assert isinstance(items[1], FirstHits)
    assert isinstance(items[2], Retrieved)
    assert answer_of(items).status == "extractive"


def test_many_ask_side_by_side_and_each_gets_the_own_answer(holder: EngineHolder) -> None:
    titles = [paper.title for paper in PAPERS]

    async def together() -> list[list[QuestionEvent]]:
        return await asyncio.gather(*(all_of(holder, titles[i % len(titles)]) for i in range(20)))

    asked = asyncio.run(together())
    assert [answer_of(items).query.question for items in asked] == [titles[i % len(titles)] for i in range(20)]
    assert [answer_of(items).citations[0].paper.title for items in asked] == [
        titles[i % len(titles)] for i in range(20)
    ]
    assert any(isinstance(item, Waiting) and item.ahead for items in asked for item in items)


def test_error_of_the_engine_reaches_who_asked(holder: EngineHolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="question is empty"):
        asyncio.run(all_of(holder, "  "))
    nothing = EngineHolder(hash_settings(tmp_path / "nowhere"))
    nothing.start()
    with pytest.raises(IndexMissing):
        asyncio.run(all_of(nothing, QUESTION))
    nothing.close()


def test_fault_within_is_told_in_one_line(holder: EngineHolder, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Exception, match=r"^AttributeError: .* Ask again; if it stays so, please report this\.$"):
        asyncio.run(all_of(holder, QUESTION, overrides="none"))
    assert "question=failed" in caplog.text


def written(endpoint: ScriptedEndpoint) -> SessionSettings:
    return SessionSettings(base_url=endpoint.url, model="small-model", api_key="mine")


def first_token(holder: EngineHolder, session: SessionSettings, then: Callable[[], None] = lambda: None) -> None:
    """Ask for a written answer, and go away after its first token."""

    async def leave() -> None:
        async with aclosing(run_question(holder, QuestionRequest(QUESTION, session=session))) as stream:
            async for batch in stream:
                if any(isinstance(item, Token) for item in batch):
                    then()
                    return

    asyncio.run(leave())


def test_who_goes_away_ends_the_endpoints_work(holder: EngineHolder, endpoint: ScriptedEndpoint) -> None:
    holder.engine(PATIENCE)
    endpoint.pieces = tuple(f"word{i} " for i in range(100_000))
    first_token(holder, written(endpoint))
    assert endpoint.closed_early.wait(PATIENCE)
    assert set(endpoint.keys) == {"Bearer mine"}


def test_who_goes_away_while_the_endpoint_is_silent_is_not_waited_for(
    holder: EngineHolder, endpoint: ScriptedEndpoint
) -> None:
    holder.engine(PATIENCE)
    endpoint.pieces, endpoint.silent_after = ("Pebble prunes the KV cache [1]. ", "More."), 1
    first_token(holder, written(endpoint), endpoint.released.clear)
    assert not endpoint.ended.is_set()


def test_place_in_the_queue_is_given_up_by_who_goes_away(holder: EngineHolder) -> None:
    holder.engine(PATIENCE)

    async def leave_the_queue() -> None:
        async with aclosing(run_question(holder, QuestionRequest(QUESTION))) as stream:
            assert await anext(stream) == (Waiting(1),)

    with holder.search_queue.slot(print, lambda: False):
        asyncio.run(leave_the_queue())
    assert answer_of(asyncio.run(all_of(holder, QUESTION))).citations
