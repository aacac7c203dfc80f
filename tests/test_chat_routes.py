from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.fakes import hash_settings
from ui.app import POLL_INTERVAL, make_chat
from ui.chat_routes import ChatRoutes
from ui.engine_holder import EngineHolder
from ui.monitoring.monitor import Monitor
from ui.pages import PageHeaders


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Gradio's own application, without an index."""
    holder = EngineHolder(hash_settings(tmp_path_factory.mktemp("home")))
    policy, loops = asyncio.get_event_loop_policy(), list[asyncio.AbstractEventLoop]()
    make = policy.new_event_loop

    def kept() -> asyncio.AbstractEventLoop:
        loops.append(make())
        return loops[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "new_event_loop", kept)
        with TestClient(PageHeaders(ChatRoutes(make_chat(holder, Monitor(holder))))) as client:
            yield client
    for loop in loops:  # Gradio 6.31 leaves some open
        loop.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/gradio_api/upload", 404),
        ("GET", "/gradio_api/upload_progress", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/gradio_api/openapi.json", 404),
        ("GET", "/gradio_api/info", 404),
        ("GET", "/config", 404),
        ("GET", "/gradio_api/file=/etc/passwd", 404),
        ("GET", "/gradio_api/file/etc/passwd", 404),
        ("GET", "/gradio_api/proxy=http://127.0.0.1/", 404),
        ("POST", "/gradio_api/component_server", 404),
        ("POST", "/gradio_api/call/predict", 404),
        ("POST", "/gradio_api/process_recording", 404),
        ("POST", "/gradio_api/vibe-edit", 404),
        ("GET", "/gradio_api/startup-events", 404),
        ("GET", "/gradio_api/deep_link", 404),
        ("GET", "/monitoring", 404),
        ("POST", "/login", 404),
        ("GET", "/svelte/x.js", 404),
        ("GET", "/custom_component/x", 404),
        ("GET", "/gradio_api/heartbeat/a/b", 404),
        ("GET", "/assets/../config", 404),
        ("PUT", "/", 405),
        ("GET", "/gradio_api/queue/join", 405),
    ],
)
def test_what_the_page_does_not_ask_for_is_refused(chat: TestClient, method: str, path: str, status: int) -> None:
    answer = chat.request(method, path)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_page_has_what_gradio_would_fetch_else(chat: TestClient) -> None:
    page = chat.get("/").text
    assert re.search(r"window\.gradio_config = \{", page)
    assert re.search(r"window\.gradio_api_info = \{", page)


def test_files_of_the_page_are_served(chat: TestClient) -> None:
    page = chat.get("/")
    assert "'unsafe-eval'" in page.headers["content-security-policy"]
    files = [each for each in re.findall(r'(?:src|href)="\./?((?:assets|static|theme)[^"?]*)', page.text)]
    assert any(each.endswith(".js") for each in files)
    for each in files:
        assert chat.get(f"/{each}").status_code == 200, each


def test_question_reaches_the_queue(chat: TestClient) -> None:
    assert chat.post("/gradio_api/queue/join", json={}).status_code == 422  # Gradio misses the question


def test_websocket_is_refused(chat: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect) as refused, chat.websocket_connect("/queue/join"):
        pass
    assert refused.value.reason == "nothing here speaks WebSocket"


def test_chat_looks_for_events_now_and_then(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    holder = EngineHolder(hash_settings(tmp_path))
    apps = [getattr(route, "app", None) for route in make_chat(holder, Monitor(holder)).routes]
    queue = next(app for app in apps if hasattr(app, "get_blocks")).get_blocks()._queue
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        queue.stopped = True

    monkeypatch.setattr("gradio.queueing.asyncio.sleep", sleep)
    asyncio.run(queue.start_processing())
    assert slept == [POLL_INTERVAL]
