from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from rag.settings import Settings
from tests.fakes import EASY_RANKER, SHELF, hash_library, hash_models, hash_settings
from tests.serving import served
from tests.timing import PATIENCE, wait_until
from ui.login.access import choose_access
from ui.login.users import add_user
from ui.monitoring.log_lines import JsonLines, configure_logging
from ui.monitoring.requests import route_of
from ui.site import SiteOptions, make_site

QUESTION = "which papers prune the zanzibar cache"
WORDS = ("prune", "zanzibar")


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the models may be loaded; they need no weights."""
    go_on = threading.Event()

    def load(settings: Settings) -> Any:
        assert go_on.wait(PATIENCE)
        return hash_models()

    monkeypatch.setattr("ui.site._load_chat", lambda *_: Starlette())
    monkeypatch.setattr("rag.models.loading.load_models", load)
    monkeypatch.setattr("rag.retrieval.scoring.load_ranker", lambda depth: EASY_RANKER)
    monkeypatch.setattr("ui.engine_holder._POLL_INTERVAL", 0.02)
    return go_on


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log at the level info, as it is written."""
    written = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("info")
    logging.getLogger().handlers[0].setStream(written)  # type: ignore[attr-defined]
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("rag", "ui", "eval"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return the samples of an exposition by name and label values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_probes_say_that_the_process_serves_and_when_questions_can_be_answered(
    tmp_path: Path, models: threading.Event
) -> None:
    hash_library(tmp_path, SHELF).close()
    with served(make_site(hash_settings(tmp_path))) as url:
        assert (httpx.get(f"{url}/healthz").status_code, httpx.get(f"{url}/healthz").text) == (200, "ok\n")
        before = httpx.get(f"{url}/readyz")
        assert (before.status_code, before.headers["retry-after"], before.text.count("\n")) == (503, "2", 1)
        models.set()
        wait_until(lambda: httpx.get(f"{url}/readyz").status_code == 200)
        assert httpx.head(f"{url}/readyz").status_code == 200
        assert httpx.post(f"{url}/healthz").status_code == 404


def test_readiness_without_an_index_names_no_path(tmp_path: Path, models: threading.Event) -> None:
    with served(make_site(hash_settings(tmp_path))) as url:
        reply = httpx.get(f"{url}/readyz")
        assert (reply.status_code, str(tmp_path) in reply.text) == (503, False)


@pytest.mark.parametrize(("open_metrics", "status"), [(False, 401), (True, 200)])
def test_only_the_probes_pass_without_a_login_unless_the_metrics_are_opened(
    tmp_path: Path, models: threading.Event, open_metrics: bool, status: int
) -> None:
    add_user(tmp_path / "users.txt", "ada", "open sesame", rounds=4)
    access = choose_access("127.0.0.1", users=tmp_path / "users.txt", names=["papers.example"])
    options = SiteOptions(access, open_metrics=open_metrics)
    with served(make_site(hash_settings(tmp_path), options)) as url:
        pod = {"host": "10.0.0.9:7860"}  # as a probe calls it
        assert httpx.get(f"{url}/healthz", headers=pod).status_code == 200
        assert httpx.get(f"{url}/readyz", headers=pod).status_code == 503
        assert httpx.get(f"{url}/healthz/", headers=pod).status_code == 403
        assert httpx.get(f"{url}/metrics").status_code == status
        assert httpx.get(f"{url}/metrics", auth=("ada", "open sesame")).status_code == 200
        assert httpx.get(f"{url}/page/status").status_code == 401


def test_metrics_count_requests_stages_queue_and_index(tmp_path: Path, models: threading.Event) -> None:
    library = hash_library(tmp_path, SHELF)
    library.close()
    models.set()
    with served(make_site(hash_settings(tmp_path))) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        for _ in range(2):
            assert client.get("/api/search", params={"q": QUESTION}).status_code == 200
        assert client.post("/api/ask", json={"question": QUESTION}).status_code == 200
        assert client.post("/api/ask", json={"question": ""}).status_code == 400
        assert client.get(f"/{QUESTION}").status_code == 404
        reply = client.get("/metrics")
    found = samples(reply.text)
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert found["citedesk_requests_total", "/api/search", "200"] == 2
    assert found["citedesk_requests_total", "/api/ask", "200"] == 1
    assert found["citedesk_requests_total", "/api/ask", "400"] == 1
    assert found["citedesk_requests_total", "other", "404"] == 1
    assert found["citedesk_request_seconds_count", "/api/search"] == 2
    for stage, questions in {"read": 3, "retrieve": 3, "score": 3, "evidence": 1}.items():
        assert found["citedesk_stage_seconds_count", stage] == questions
    assert ("citedesk_stage_seconds_count", "total") not in found
    assert (found["citedesk_searches_running",], found["citedesk_searches_waiting",]) == (0, 0)
    assert found["citedesk_cache_lookups_total", "titles", "miss"] > 0
    assert found["citedesk_cache_lookups_total", "titles", "hit"] > 0
    assert (found["citedesk_ready",], found["citedesk_index_papers",]) == (1, len(SHELF))
    assert found["citedesk_index_info", library.manifest.generation] == 1
    assert found["process_resident_memory_bytes",] > 1e6
    assert found["process_open_fds",] > 3
    assert not [word for word in WORDS if word in reply.text]


def test_each_request_is_one_line_with_its_id_and_stages_and_never_a_word_of_the_question(
    tmp_path: Path, models: threading.Event, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_library(tmp_path, SHELF).close()
    models.set()
    streamed = {"accept": "text/event-stream"}
    with served(make_site(hash_settings(tmp_path))) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        wait_until(lambda: client.get("/readyz").status_code == 200)
        search = client.get("/api/search", params={"q": QUESTION})
        asked = client.post("/api/ask", json={"question": QUESTION}, headers={"x-request-id": "from-proxy.1"})
        told = client.post("/api/ask", json={"question": QUESTION}, headers={**streamed, "x-request-id": "no good"})
        refused = client.post("/api/ask", json={"question": QUESTION, "overrides": {"kind": QUESTION}})
        page = client.get(f"/page/browse/{QUESTION}")
        paper = client.get(f"/api/papers/{QUESTION}")

        def fail(*arguments: Any) -> Any:
            raise KeyError(QUESTION)

        monkeypatch.setattr("rag.engine.Engine.understand", fail)
        failed = client.post("/api/ask", json={"question": QUESTION})
        stopped = client.post("/api/ask", json={"question": QUESTION}, headers=streamed)
        broken = client.get("/api/search", params={"q": QUESTION})
    assert (failed.status_code, stopped.status_code, broken.status_code) == (503, 200, 500)
    assert "event: error" in stopped.text
    requests = {line["request_id"]: line for line in lines(log) if line["message"] == "request"}
    replies = {
        search: ("/api/search", 200),
        asked: ("/api/ask", 200),
        told: ("/api/ask", 200),
        refused: ("/api/ask", 400),
        page: ("/page", 404),
        paper: ("/api/papers", 404),
        failed: ("/api/ask", 503),
        stopped: ("/api/ask", 503),
        broken: ("/api/search", 500),
    }
    logged = {reply: requests.pop(reply.headers["x-request-id"]) for reply in replies}
    assert {reply: (line["route"], line["status"]) for reply, line in logged.items()} == replies
    assert requests == {}
    assert asked.headers["x-request-id"] == "from-proxy.1"
    assert len(told.headers["x-request-id"]) == 32
    for reply in (search, asked, told):
        stages = logged[reply]["stages_ms"]
        assert {"read", "retrieve", "score", "total"} <= stages.keys()
        assert logged[reply]["seconds"] * 1000 >= stages["total"] - 1
    assert logged[page]["stages_ms"] == {}
    faults = [line for line in lines(log) if line["level"] == "error"]
    assert {line["error"] for line in faults} == {"KeyError"}
    assert all(line["traceback"][-1].endswith(" fail") for line in faults)
    assert not [word for word in WORDS if word in log.getvalue()]


def test_user_is_named_in_the_log_and_an_id_from_a_stranger_is_not_believed(
    tmp_path: Path, models: threading.Event, log: io.StringIO
) -> None:
    add_user(tmp_path / "users.txt", "ada", "open sesame", rounds=4)
    access = choose_access("127.0.0.1", users=tmp_path / "users.txt", peers=["10.0.0.1"])
    with served(make_site(hash_settings(tmp_path), SiteOptions(access))) as url:
        httpx.get(f"{url}/api/status", auth=("ada", "open sesame"), headers={"x-request-id": "mine"})
        httpx.get(f"{url}/api/status", auth=("ada", "wrong"))
    named, refused = (line for line in lines(log) if line["message"] == "request")
    assert (named["user"], named["status"]) == ("ada", 200)
    assert named["request_id"] != "mine"
    assert (refused["user"], refused["status"]) == (None, 401)


def test_probes_are_logged_only_at_the_level_debug(tmp_path: Path, models: threading.Event, log: io.StringIO) -> None:
    with served(make_site(hash_settings(tmp_path))) as url:
        httpx.get(f"{url}/healthz")
        httpx.get(f"{url}/page/status")
        logging.getLogger("ui").setLevel(logging.DEBUG)
        httpx.get(f"{url}/healthz")
    assert [line["route"] for line in lines(log) if line["message"] == "request"] == ["/healthz"]


def test_index_that_cannot_be_loaded_is_logged_once(tmp_path: Path, models: threading.Event, log: io.StringIO) -> None:
    with served(make_site(hash_settings(tmp_path))) as url:
        wait_until(lambda: "citedesk index" in httpx.get(f"{url}/page/status").json()["message"])
        threading.Event().wait(0.1)  # five more attempts
    (line,) = [line for line in lines(log) if "unloaded" in line["message"]]
    assert (line["level"], line["logger"]) == ("warning", "ui.engine_holder")


def test_message_of_an_exception_is_written_at_the_level_debug_only() -> None:
    try:
        raise KeyError(QUESTION)
    except KeyError as error:
        record = logging.LogRecord("ui", logging.ERROR, "", 1, "failed", (), (KeyError, error, error.__traceback__))
    assert json.loads(JsonLines().format(record))["error"] == "KeyError"
    assert json.loads(JsonLines(messages=True).format(record))["error"] == f"KeyError: '{QUESTION}'"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/api/papers/2407.21018", "/api/papers"),
        ("/api/papers", "/api/papers"),
        ("/api/paperses", "other"),
        ("/page/rows", "/page"),
        ("/gradio_api/queue/join", "/gradio_api/queue"),
        ("/which papers", "other"),
    ],
)
def test_routes_are_a_fixed_set(path: str, route: str) -> None:
    assert route_of(path) == route
