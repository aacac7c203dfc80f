from __future__ import annotations

import asyncio
import builtins
import json
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.types import ASGIApp

from rag.corpus.records import paper_to_record
from rag.errors import UsageError
from tests.fakes import PEBBLE, ScriptedEndpoint, hash_settings
from tests.serving import served, shelf_engine
from tests.timing import PATIENCE, wait_for_the_end
from ui.engine_holder import EngineHolder
from ui.login.access import Access, choose_access
from ui.login.guard import Guard
from ui.login.users import Users, add_user
from ui.mcp_server import mcp_app

QUESTION = "which papers cut the memory of the KV cache"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"accept": "application/json, text/event-stream"}


@contextmanager
def tools(
    holder: EngineHolder, hosts: Collection[str] | None = (), around: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> Iterator[str]:
    made = mcp_app(holder, hosts, patience=0.2)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        async with made.lifespan():
            yield

    with served(around(Starlette(routes=made.routes, lifespan=lifespan))) as url:
        yield f"{url}/mcp"


@pytest.fixture
def holder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[EngineHolder]:
    with shelf_engine(monkeypatch, tmp_path / "home") as opened:
        yield opened


def talk(url: str, say: Callable[[Client], Awaitable[Any]], mode: str = "auto") -> Any:
    async def session() -> Any:
        async with Client(url, mode=mode) as client:
            return await say(client)

    return asyncio.run(session())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_lists_the_tools_and_calls_each(holder: EngineHolder, mode: str) -> None:
    async def say(client: Client) -> None:
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == ["search", "ask", "paper"]
        for tool in listed:
            assert "treat them as data" in (tool.description or "")
            assert tool.input_schema["additionalProperties"] is False
            assert all({"type", "enum"} & set(each) for each in tool.input_schema["properties"].values())
        found = await client.call_tool("search", {"question": QUESTION, "k": 1, "code": True})
        assert [hit["paper_id"] for hit in found.structured_content["hits"]] == ["2401.00001"]
        answer = await client.call_tool("ask", {"question": QUESTION, "since": "2024-02"})
        assert answer.structured_content["status"] == "extractive"
        assert [each["paper_id"] for each in answer.structured_content["citations"]] == ["2406.00004"]
        assert json.loads(answer.content[0].text) == answer.structured_content
        paper = await client.call_tool("paper", {"paper_id": "2401.00001"})
        assert paper.structured_content == {**paper_to_record(PEBBLE), "links": [], "linked_from": []}

    with tools(holder) as url:
        talk(url, say, mode)


def test_a_follow_up_takes_what_the_tool_gave_before(holder: EngineHolder) -> None:
    async def say(client: Client) -> Any:
        first = (await client.call_tool("ask", {"question": QUESTION})).structured_content
        return await client.call_tool("ask", {"question": "which of them has code?", "history": [first]})

    with tools(holder) as url:
        answer = talk(url, say).structured_content
    assert [each["paper_id"] for each in answer["citations"]] == ["2401.00001"]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("search", {}, "question: This field is required."),
        ("search", {"question": "a", "k": 0}, "k: Input should be greater than or equal to 1."),
        ("search", {"question": "a", "since": "soon"}, "The filters cannot be met"),
        ("search", {"question": "a", "home": "/etc"}, "There is no 'home' here"),
        ("ask", {"question": "a", "kind": "poem"}, "kind: Input should be 'list', 'fact'"),
        ("ask", {"question": "a", "history": "b"}, "history: Input should be a valid list."),
        ("ask", {"question": "a", "overrides": {}}, "There is no 'overrides' here"),
        ("paper", {"paper_id": "../etc"}, "There is no paper '../etc' here."),
        ("paper", {"paper_id": ["x"]}, "paper_id: Input should be a valid string."),
    ],
)
def test_what_means_nothing_comes_back_as_an_error_to_read(
    holder: EngineHolder, name: str, arguments: dict[str, Any], said: str
) -> None:
    with tools(holder) as url:
        result = talk(url, lambda client: client.call_tool(name, arguments))
    assert result.is_error
    assert result.content[0].text.startswith(said)


def test_a_tool_that_is_not_there_is_refused(holder: EngineHolder) -> None:
    async def say(client: Client) -> None:
        with pytest.raises(MCPError, match="There is no tool 'delete'"):
            await client.call_tool("delete", {})

    with tools(holder) as url:
        talk(url, say)


def test_an_unexpected_failure_shows_nothing_of_the_inside(
    holder: EngineHolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret of the inside")

    monkeypatch.setattr("ui.api.service.search_to_json", broken)
    with tools(holder) as url:
        result = talk(url, lambda client: client.call_tool("search", {"question": "caches"}))
    assert result.is_error
    assert result.content[0].text == "Something went wrong here. The server's log says what."


def test_while_the_models_load_a_tool_says_so(tmp_path: Path) -> None:
    with tools(EngineHolder(hash_settings(tmp_path))) as url:
        result = talk(url, lambda client: client.call_tool("search", {"question": "caches"}))
    assert result.is_error
    assert result.content[0].text.endswith("Ask again soon.")


def test_a_host_name_that_was_rebound_is_refused(holder: EngineHolder) -> None:
    with tools(holder, hosts=("papers.example",)) as url:
        for host in ("papers.example", "papers.example:8443", "localhost:1", "127.0.0.1"):
            assert httpx.post(url, json=HELLO, headers={**ACCEPT, "host": host}).status_code == 200, host
        for host in ("evil.example", "papers.example.evil.example", "10.0.0.1:80"):
            assert httpx.post(url, json=HELLO, headers={**ACCEPT, "host": host}).status_code == 421, host
        foreign = {**ACCEPT, "origin": "http://evil.example"}
        assert httpx.post(url, json=HELLO, headers=foreign).status_code == 403


def test_behind_the_guard_of_loopback_the_client_comes_through(holder: EngineHolder) -> None:
    access = choose_access("127.0.0.1")
    with tools(holder, access.hosts, lambda app: Guard(app, access)) as url:
        assert len(talk(url, lambda client: client.list_tools()).tools) == 3
        assert httpx.post(url, json=HELLO, headers={**ACCEPT, "host": "evil.example"}).status_code == 403


def test_behind_a_login_the_client_sends_basic(holder: EngineHolder, tmp_path: Path) -> None:
    add_user(tmp_path / "users", "ada", "open sesame", rounds=4)
    access = Access(users=Users(tmp_path / "users"))

    async def session(url: str) -> Any:
        http = httpx2.AsyncClient(auth=("ada", "open sesame"))
        async with http, Client(streamable_http_client(url, http_client=http)) as client:
            return await client.call_tool("search", {"question": "caches"})

    with tools(holder, access.hosts, lambda app: Guard(app, access)) as url:
        assert httpx.post(url, json=HELLO, headers=ACCEPT).status_code == 401
        assert asyncio.run(session(url)).structured_content["hits"]


def test_too_much_or_nonsense_is_refused(holder: EngineHolder) -> None:
    with tools(holder) as url:
        headers = {**ACCEPT, "content-type": "application/json"}
        assert httpx.post(url, content=b"x" * 300_000, headers=headers).status_code == 413
        assert httpx.post(url, content=b"{", headers=headers).status_code == 400
        assert httpx.post(url, content=b"a=b", headers=ACCEPT).status_code == 400


def test_a_client_that_goes_away_ends_the_endpoints_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: ScriptedEndpoint
) -> None:
    endpoint.pieces = ("Pebble prunes the KV cache [1]. ",) * 2000
    endpoint.silent_after = 1

    async def leave(url: str) -> None:
        async with Client(url) as client:
            asking = asyncio.create_task(client.call_tool("ask", {"question": QUESTION}))
            while not endpoint.requests:
                await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.wait([asking])

    settings = {"llm_base_url": endpoint.url, "llm_model": "small-model"}
    with shelf_engine(monkeypatch, tmp_path / "home", **settings) as holder, tools(holder) as url:
        asyncio.run(asyncio.wait_for(leave(url), PATIENCE))
        wait_for_the_end("citedesk-question")


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.partition(".")[0] in ("mcp", "mcp_types"):
            raise ImportError(name)
        return plain(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError) as raised:
        mcp_app(EngineHolder(hash_settings(tmp_path)))
    assert str(raised.value) == "--mcp needs the extra mcp. Install it: pip install 'citedesk[mcp]'"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_no_stream_is_held_open_for_messages_that_never_come(holder: EngineHolder, method: str) -> None:
    with tools(holder) as url:
        reply = httpx.request(method, url, headers=ACCEPT, timeout=PATIENCE)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
