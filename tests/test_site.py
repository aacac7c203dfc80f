from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.conftest import PROJECT
from tests.fakes import EASY_RANKER, SHELF, hash_library, hash_models, hash_settings
from tests.serving import served
from tests.timing import PATIENCE
from ui.lazy_app import LazyApp
from ui.site import SiteOptions, make_site


def chat() -> Starlette:
    page = '<html><head><title>T</title></head><body class="x">the chat</body></html>'
    return Starlette(routes=[Route("/", lambda request: HTMLResponse(page))])


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the chat may be loaded; models need no weights."""
    go_on = threading.Event()

    def load(*_: Any) -> Starlette:
        assert go_on.wait(PATIENCE)
        return chat()

    monkeypatch.setattr("ui.site._load_chat", load)
    monkeypatch.setattr("rag.models.loading.load_models", lambda settings: hash_models())
    monkeypatch.setattr("rag.retrieval.scoring.load_ranker", lambda depth: EASY_RANKER)
    monkeypatch.setattr("ui.engine_holder._POLL_INTERVAL", 0.02)
    return go_on


@contextmanager
def site(home: Path, options: SiteOptions = SiteOptions()) -> Iterator[httpx.Client]:
    with served(make_site(hash_settings(home), options)) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        yield client


def until(client: httpx.Client, name: str, value: Any) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while (state := client.get("/page/status").json())[name] != value:
        assert time.monotonic() < end, state
        time.sleep(0.02)
    return dict(state)


def test_page_takes_a_question_before_the_chat_is_loaded_and_makes_way_for_it(
    tmp_path: Path, loaded: threading.Event
) -> None:
    hash_library(tmp_path, SHELF).close()
    with site(tmp_path) as client:
        page = client.get("/")
        assert page.headers["Cache-Control"] == "no-store"
        assert '<textarea id="cd-question"' in page.text
        assert client.get("/assets/anything.js").status_code == 503
        assert until(client, "ready", True)["open"] is False
        loaded.set()
        until(client, "open", True)
        assert "the chat" in client.get("/").text


def test_state_says_what_is_missing_and_then_how_many_papers_there_are(tmp_path: Path, loaded: threading.Event) -> None:
    loaded.set()
    with site(tmp_path) as client:
        said = until(client, "ready", False)
        while "citedesk index" not in said["message"]:
            said = client.get("/page/status").json()
        assert client.get("/page/examples").status_code == 204
        hash_library(tmp_path, SHELF).close()
        state = until(client, "ready", True)
        assert len(state.pop("started")) == 32
        assert state == {"open": True, "ready": True, "message": "", "papers": len(SHELF), "user": None}


def test_examples_come_from_the_collection(tmp_path: Path, loaded: threading.Event) -> None:
    loaded.set()
    hash_library(tmp_path, SHELF).close()
    with site(tmp_path) as client:
        until(client, "ready", True)
        end = time.monotonic() + PATIENCE
        while not (html := client.get("/page/examples").text):
            assert time.monotonic() < end
            time.sleep(0.02)
        assert f"<h1>Ask {len(SHELF)} papers</h1>" in html
        assert html.count('<button type="button" data-question="') >= 2


def test_page_is_painted_before_its_scripts_run(tmp_path: Path, loaded: threading.Event) -> None:
    loaded.set()
    hash_library(tmp_path, SHELF).close()
    with site(tmp_path) as client:
        until(client, "open", True)
        until(client, "ready", True)
        end = time.monotonic() + PATIENCE
        while "data-question" not in (page := client.get("/")).text:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert int(page.headers["Content-Length"]) == len(page.content)
        assert page.text.startswith("<html><head><title>T</title><link ")
        assert 'src="page/static/chat.js"></script></head><body class="x"><div class="cd-first" ' in page.text
        assert '<textarea id="cd-question"' in page.text and f"Ask {len(SHELF)} papers" in page.text
        assert page.text.endswith("the chat</body></html>")


def test_papers_are_exported_by_their_ids_with_their_quotes(tmp_path: Path, loaded: threading.Event) -> None:
    loaded.set()
    hash_library(tmp_path, SHELF).close()
    first, second = SHELF[:2]
    chosen = [
        {"paper_id": first.paper_id, "n": 1, "quotes": "0-9"},
        {"paper_id": second.paper_id},
        {"paper_id": second.paper_id, "n": 7},
        {"paper_id": "not-there"},
    ]
    with site(tmp_path) as client:
        until(client, "ready", True)

        def export(**body: Any) -> httpx.Response:
            return client.post("/page/export", json=body)

        assert export(format="bibtex", papers=chosen).text.count("@") == 2
        assert export(format="ris", papers=chosen).text.count("TY  -") == 2
        sheet = export(format="csv", papers=chosen).text.splitlines()
        assert len(sheet) == 3 and first.abstract[:9] in sheet[1]
        markdown = export(format="markdown", title="Mine", papers=chosen).text
        assert markdown.startswith("# Mine\n\n**[1]** ") and f"> “{first.abstract[:9]}”" in markdown
        assert export(format="ris", query="").text.count("TY  -") == len(SHELF)
        for wrong in ({"format": "docx"}, {}):
            assert export(**wrong).status_code == 400
        assert client.post("/page/export", content=b"[").status_code == 400


def test_scripts_and_styles_come_from_the_site_itself(tmp_path: Path, loaded: threading.Event) -> None:
    loaded.set()
    with site(tmp_path) as client:
        for name in ("chat.js", "waiting.js", "exchange.css", "chat.css", "browse.css"):
            reply = client.get(f"/page/static/{name}")
            assert reply.status_code == 200
            assert "http://" not in reply.text.replace("http://www.w3.org", "")
            assert "https://" not in reply.text
        assert client.get("/page/static/../site.py").status_code == 404


def test_pages_may_ask_this_host_alone_and_be_framed_by_nobody_else(tmp_path: Path, loaded: threading.Event) -> None:
    with site(tmp_path) as client:
        policy = client.get("/").headers["Content-Security-Policy"]
        assert "connect-src 'self';" in policy and "frame-ancestors 'self'" in policy and "http" not in policy
        assert client.get("/page/status").headers["X-Content-Type-Options"] == "nosniff"
        loaded.set()


def test_report_cannot_run_anything(tmp_path: Path, loaded: threading.Event) -> None:
    loaded.set()
    folder = tmp_path / "run"
    folder.mkdir()
    with site(tmp_path, SiteOptions(report=folder)) as client:
        assert client.get("/page/report").status_code == 404
        (folder / "report.html").write_text("<h1>Report</h1>")
        reply = client.get("/page/report")
        assert reply.text == "<h1>Report</h1>"
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        assert "sandbox" in reply.headers["Content-Security-Policy"]


def test_chat_that_cannot_be_loaded_says_so_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: threading.Event
) -> None:
    def broken(*_: Any) -> Starlette:
        raise ImportError("no module named x")

    monkeypatch.setattr("ui.site._load_chat", broken)
    hash_library(tmp_path, SHELF).close()
    with site(tmp_path) as client:
        until(client, "ready", True)
        said = client.get("/page/status").json()
        assert said["message"] == ("The chat cannot be loaded (ImportError: no module named x). Run `citedesk doctor`.")
        assert client.get("/api/search", params={"q": "caches"}).json()["hits"]


def test_first_page_does_not_wait_for_the_import_of_what_serves_the_rest() -> None:
    code = "import sys, ui.server; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not {"fastapi", "pydantic", "gradio", "mcp", "chromadb", "llama_index"} & set(result.stdout.split())


def test_door_opens_only_while_its_app_runs() -> None:
    import asyncio

    async def through() -> list[bool]:
        door = LazyApp(chat)
        seen = [door.is_open]
        async with door.opening():
            while not door.is_open:
                await asyncio.sleep(0.01)
            seen.append(door.is_open)
        return [*seen, door.is_open]

    assert asyncio.run(through()) == [False, True, False]
