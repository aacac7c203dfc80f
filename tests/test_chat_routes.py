from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.fakes import hash_settings
from ui.app import POLL_INTERVAL, make_chat
from ui.chat_routes import ChatRoutes
from ui.engine_holder import EngineHolder
from ui.first_paint import FirstPaint
from ui.monitoring.monitor import Monitor
from ui.pages import PageHeaders


@pytest.fixture(scope="module")
def gradio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """Gradio's own application, without an index."""
    holder = EngineHolder(hash_settings(tmp_path_factory.mktemp("home")))
    policy, loops = asyncio.get_event_loop_policy(), list[asyncio.AbstractEventLoop]()
    make = policy.new_event_loop

    def kept() -> asyncio.AbstractEventLoop:
        loops.append(make())
        return loops[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "new_event_loop", kept)
        yield make_chat(holder, Monitor(holder))
    for loop in loops:  # Gradio 6.31 leaves some open
        loop.close()


@pytest.fixture(scope="module")
def chat(gradio: Starlette) -> Iterator[TestClient]:
    with TestClient(PageHeaders(FirstPaint(ChatRoutes(gradio), "", str))) as client:
        yield client


def paths_of(app: Any) -> set[str]:
    """Return the paths of an application's routes, those of mounted applications included."""
    found = set()
    for route in app.routes:
        inner = getattr(route, "original_router", getattr(route, "app", None))  # of FastAPI's or Starlette's own
        found |= paths_of(inner) if hasattr(inner, "routes") else {route.path}
    return found


def test_of_all_that_gradio_serves_only_what_the_page_needs_is_left(gradio: Starlette) -> None:
    every = paths_of(gradio)
    assert len(every) > 60
    left = set()
    for path in every:
        filled = re.sub(r"\{[^}]+\}", "abc", path)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            if ChatRoutes.refusal({"type": "http", "path": filled, "method": method}) is None:
                left.add((method, path))
    assert left == {
        *product(("GET", "HEAD"), ("/", "/assets/{path:path}", "/static/{path:path}", "/theme.css", "/favicon.ico")),
        *product(("GET", "HEAD"), ("/manifest.json", "/robots.txt")),
        *product(("GET", "HEAD"), ("/gradio_api/queue/data", "/gradio_api/app_id")),
        *product(("GET", "HEAD"), ("/gradio_api/heartbeat/{session_hash}",)),
        *product(("POST",), ("/gradio_api/queue/join", "/gradio_api/cancel", "/gradio_api/reset")),
        *product(("POST",), ("/gradio_api/run/{api_name}",)),
    }


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
    files = [each for each in re.findall(r'(?:src|href)="\./?((?:assets|static|theme)[^"?]*)', page.text)]
    assert any(each.endswith(".js") for each in files)
    for each in files:
        assert chat.get(f"/{each}").status_code == 200, each


def test_inline_scripts_of_the_page_run_by_a_nonce_of_its_own(chat: TestClient) -> None:
    nonces = set()
    for _ in range(2):
        page = chat.get("/")
        (nonce,) = set(re.findall(r"<script(?: nonce=\"([\w-]+)\")?", page.text))
        policy = dict(each.strip().split(" ", 1) for each in page.headers["content-security-policy"].split(";"))
        assert policy["script-src"] == f"'self' 'nonce-{nonce}' 'unsafe-eval'"
        assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
        assert page.headers["cache-control"] == "no-store"
        nonces.add(nonce)
    assert len(nonces) == 2


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
    own, others = threading.get_ident(), asyncio.sleep

    async def sleep(seconds: float) -> None:
        if threading.get_ident() != own:
            return await others(seconds)
        slept.append(seconds)
        queue.stopped = True

    monkeypatch.setattr("gradio.queueing.asyncio.sleep", sleep)
    asyncio.run(queue.start_processing())
    assert slept == [POLL_INTERVAL]
