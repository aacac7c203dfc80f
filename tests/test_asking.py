from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from rag.answer import Answer, Done, Retrieved, Token
from rag.errors import IndexMissing, UsageError
from rag.types import Overrides
from tests.fakes import PAPERS, ScriptedEndpoint, hash_library, hash_models, hash_settings, word_writer
from tests.timing import PATIENCE
from ui.asking import Asked as Question
from ui.asking import Item, Waiting, batches, events
from ui.choice import Choice
from ui.desk import Desk
from ui.turnstile import Turnstile

QUESTION = "which papers prune the KV cache"


class WordDesk(Desk):
    """A desk whose judge needs no weights."""

    def _loaded_writer(self) -> Any:
        return word_writer(self.settings)


@pytest.fixture
def desk(tmp_path: Path, easy_ranker: None) -> Iterator[Desk]:
    hash_library(tmp_path).close()
    desk = WordDesk(hash_settings(tmp_path), lambda settings: hash_models())
    desk.turnstile = Turnstile(1)
    desk.start()
    yield desk
    desk.close()


async def all_of(desk: Desk, question: str, **options: Any) -> list[Item]:
    return [item async for item in events(desk, question, **options)]


def answer_of(items: list[Item]) -> Answer:
    assert isinstance(items[-1], Done)
    return items[-1].answer


def test_question_that_comes_before_the_models_waits_for_them(tmp_path: Path, easy_ranker: None) -> None:
    hash_library(tmp_path).close()
    desk = Desk(hash_settings(tmp_path), lambda settings: (time.sleep(0.3), hash_models())[1])
    desk.start()
    items = asyncio.run(all_of(desk, QUESTION))
    desk.close()
    assert items[0] == Waiting(0)
    assert isinstance(items[1], Retrieved)
    assert answer_of(items).status == "extractive"


def test_many_ask_side_by_side_and_each_gets_the_own_answer(desk: Desk) -> None:
    titles = [paper.title for paper in PAPERS]

    async def together() -> list[list[Item]]:
        return await asyncio.gather(*(all_of(desk, titles[i % len(titles)]) for i in range(20)))

    asked = asyncio.run(together())
    assert [answer_of(items).query.question for items in asked] == [titles[i % len(titles)] for i in range(20)]
    assert [answer_of(items).citations[0].paper.title for items in asked] == [
        titles[i % len(titles)] for i in range(20)
    ]
    assert any(isinstance(item, Waiting) and item.ahead for items in asked for item in items)


def test_error_of_the_engine_reaches_who_asked(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="question is empty"):
        asyncio.run(all_of(desk, "  "))
    nothing = Desk(hash_settings(tmp_path / "nowhere"))
    nothing.start()
    with pytest.raises(IndexMissing):
        asyncio.run(all_of(nothing, QUESTION))
    nothing.close()


def test_fault_within_is_told_in_one_line(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Exception, match=r"^AttributeError: .* Ask again; if it stays so, please report this\.$"):
        asyncio.run(all_of(desk, QUESTION, overrides="none"))
    assert "question=failed" in caplog.text


def written(endpoint: ScriptedEndpoint) -> Choice:
    return Choice(base_url=endpoint.url, model="small-model", api_key="mine")


def first_token(desk: Desk, choice: Choice, then: Callable[[], None] = lambda: None) -> None:
    """Ask for a written answer, and go away after its first token."""

    async def leave() -> None:
        async with aclosing(batches(desk, Question(QUESTION, Overrides(), (), choice))) as stream:
            async for batch in stream:
                if any(isinstance(item, Token) for item in batch):
                    then()
                    return

    asyncio.run(leave())


def test_who_goes_away_ends_the_endpoints_work(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    desk.engine(PATIENCE)
    endpoint.pieces = tuple(f"word{i} " for i in range(100_000))
    first_token(desk, written(endpoint))
    assert endpoint.closed_early.wait(PATIENCE)
    assert endpoint.keys == ["Bearer mine"]


def test_who_goes_away_while_the_endpoint_is_silent_is_not_waited_for(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    desk.engine(PATIENCE)
    endpoint.pieces, endpoint.silent_after = ("Pebble prunes the KV cache [1]. ", "More."), 1
    first_token(desk, written(endpoint), endpoint.released.clear)
    assert not endpoint.ended.is_set()


def test_place_in_the_queue_is_given_up_by_who_goes_away(desk: Desk) -> None:
    desk.engine(PATIENCE)

    async def leave_the_queue() -> None:
        async with aclosing(batches(desk, Question(QUESTION, Overrides(), (), Choice()))) as stream:
            assert await anext(stream) == (Waiting(1),)

    with desk.turnstile.place(print, lambda: False):
        asyncio.run(leave_the_queue())
    assert answer_of(asyncio.run(all_of(desk, QUESTION))).citations
