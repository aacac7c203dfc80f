from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.fakes import ScriptedEndpoint
from tests.serving import served, shelf_engine
from tests.timing import PATIENCE, wait_for_the_end, wait_until
from ui.api.app import make_api
from ui.api.models import EVENT_MODELS
from ui.api.streams import encode_event
from ui.engine_holder import EngineHolder
from ui.search_queue import SearchQueue

QUESTION = "which papers cut the memory of the KV cache"
EVENTS = {"accept": "text/event-stream"}
Events = list[tuple[str, Any]]


@contextmanager
def api(holder: EngineHolder) -> Iterator[httpx.Client]:
    with served(make_api(holder)) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: ScriptedEndpoint) -> Iterator[EngineHolder]:
    with shelf_engine(
        monkeypatch, tmp_path / "home", llm_base_url=endpoint.url, llm_model="small-model", recall=()
    ) as holder:
        yield holder


def read(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Read server-sent events as a client does."""
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def ask(client: httpx.Client, **body: Any) -> Events:
    with client.stream("POST", "/api/ask", json={"question": QUESTION, **body}, headers=EVENTS) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        return list(read(answer.iter_lines()))


def test_an_answer_streams_its_events(written: EngineHolder, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes ", "the KV cache [1].", " Reef keeps it on disk [2].")
    with api(written) as client:
        got = ask(client)
    names = [name for name, _ in got]
    assert names[:2] == ["first_hits", "retrieved"]
    assert names[-1] == "done"
    assert set(names) == {"first_hits", "retrieved", "cited", "token", "checked", "done"}
    by_name = dict(got)
    assert [each["n"] for each in by_name["retrieved"]["evidence"]] == [1, 2]
    for name, data in got:
        jsonschema.validate(data, EVENT_MODELS[name].model_json_schema())
        assert set(data) <= set(EVENT_MODELS[name].model_fields)
    text = "".join(value["text"] for name, value in got if name == "token")
    assert text.strip() == by_name["done"]["answer"]
    assert by_name["done"]["status"] == "answered"


def test_an_extractive_answer_streams_too(written: EngineHolder, endpoint: ScriptedEndpoint) -> None:
    with api(written) as client:
        assert [name for name, _ in ask(client, llm=False, stream=True)] == ["first_hits", "retrieved", "done"]
    assert endpoint.requests == []


def test_the_first_words_come_before_the_last(written: EngineHolder, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes the KV cache [1]. ", "Reef keeps it on disk. ", "Late [2].")
    endpoint.silent_after = 2
    with api(written) as client, client.stream("POST", "/api/ask", json={"question": QUESTION}, headers=EVENTS) as got:
        events = read(got.iter_lines())
        assert next(value["text"] for name, value in events if name == "token").startswith("Pebble")
        endpoint.released.set()
        assert [name for name, _ in events][-1] == "done"


def test_a_client_that_goes_away_ends_the_endpoints_work(written: EngineHolder, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes the KV cache [1]. ",) * 2000
    endpoint.silent_after = 1
    with api(written) as client:
        with client.stream("POST", "/api/ask", json={"question": QUESTION}, headers=EVENTS) as got:
            assert next(name for name, _ in read(got.iter_lines()) if name == "token")
        wait_for_the_end("citedesk-question")
        endpoint.released.set()
        assert endpoint.closed_early.wait(PATIENCE)


def test_so_does_one_that_waits_for_the_whole_answer(written: EngineHolder, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = ("Pebble prunes the KV cache [1]. ",) * 2000
    endpoint.silent_after = 1
    with api(written) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/ask", json={"question": QUESTION}, timeout=1)
        assert len(endpoint.requests) == 1
        wait_for_the_end("citedesk-question")
        endpoint.released.set()
        assert endpoint.closed_early.wait(PATIENCE)


def test_who_queues_is_told_how_many_are_before_them(written: EngineHolder) -> None:
    written.search_queue = SearchQueue(1)
    with (
        api(written) as client,
        written.search_queue.slot(lambda _: None, lambda: False),
        client.stream("POST", "/api/ask", json={"question": QUESTION}, headers=EVENTS) as got,
    ):
        assert next(read(got.iter_lines())) == ("waiting", {"ahead": 1})


def test_what_goes_wrong_is_the_last_event(written: EngineHolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("rag.engine.Engine.ask", broken)
    with api(written) as client:
        assert ask(client) == [
            ("error", {"error": "ZeroDivisionError: two lines. Ask again; if it stays so, please report this."})
        ]
        whole = client.post("/api/ask", json={"question": QUESTION})
        assert whole.status_code == 503
        assert whole.json()["error"].startswith("ZeroDivisionError: two lines.")


def test_one_more_than_search_and_wait_is_refused(written: EngineHolder) -> None:
    written.search_queue = SearchQueue(1, waiting=2)
    body = {"question": QUESTION, "stream": True, "llm": False}
    with api(written) as client, ExitStack() as waiting:
        with written.search_queue.slot(print, lambda: False):
            streams = [waiting.enter_context(client.stream("POST", "/api/ask", json=body)) for _ in range(2)]
            lines = [read(each.iter_lines()) for each in streams]
            assert [next(each) for each in lines] == [("waiting", {"ahead": 1}), ("waiting", {"ahead": 2})]
            refused = [
                client.post("/api/ask", json=body),
                client.post("/api/ask", json={"question": QUESTION}),
                client.get("/api/search", params={"q": QUESTION}),
            ]
        assert [list(each)[-1][0] for each in lines] == ["done", "done"]
        assert client.get("/api/search", params={"q": QUESTION}).status_code == 200
    for each in refused:
        assert (each.status_code, each.headers["retry-after"]) == (503, "5")
        assert each.json() == {"error": "The server is busy: 2 questions wait already. Ask again in some seconds."}


def test_who_goes_away_while_waiting_makes_room_for_another(written: EngineHolder) -> None:
    written.search_queue = SearchQueue(1, waiting=1)
    body = {"question": QUESTION, "stream": True, "llm": False}
    with api(written) as client, written.search_queue.slot(print, lambda: False):
        for _ in range(3):
            wait_until(lambda: not written.search_queue.questions)
            wait_for_the_end("citedesk-question")
            with client.stream("POST", "/api/ask", json=body) as gone:
                assert next(read(gone.iter_lines())) == ("waiting", {"ahead": 1})
        wait_until(lambda: not written.search_queue.questions)


def test_answers_that_are_written_count_until_they_end(written: EngineHolder, endpoint: ScriptedEndpoint) -> None:
    written.search_queue = SearchQueue(1, questions=1)
    endpoint.pieces, endpoint.silent_after = ("Pebble prunes the KV cache [1]. ", "More."), 1
    endpoint.released.clear()
    with api(written) as client:
        with client.stream("POST", "/api/ask", json={"question": QUESTION, "stream": True}) as first:
            events = read(first.iter_lines())  # kept: the stream is closed with it
            assert next(events)[0] == "first_hits"
            refused = client.post("/api/ask", json={"question": "caches", "llm": False})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        wait_until(lambda: not written.search_queue.questions)
        endpoint.released.set()
        assert client.post("/api/ask", json={"question": "caches", "llm": False}).status_code == 200


def test_question_that_takes_too_long_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: ScriptedEndpoint
) -> None:
    stopped = "The question was stopped after 1 seconds, the time that a question has here (CITEDESK_UI_DEADLINE)."
    with shelf_engine(monkeypatch, tmp_path, ui_deadline=1.0) as holder, api(holder) as client:
        with holder.search_queue.slot(print, lambda: False):
            late = client.get("/api/search", params={"q": QUESTION})
            assert (late.status_code, late.headers["retry-after"]) == (503, "5")
            assert late.json()["error"].startswith(stopped)
            name, data = ask(client, llm=False)[-1]
            assert (name, data["error"][: len(stopped)]) == ("error", stopped)
        wait_until(lambda: not holder.search_queue.questions)


def test_an_event_has_one_line_of_data() -> None:
    assert encode_event("token", {"text": "a\nb\r\u2028\ud800"}) == (
        b'event: token\ndata: {"text": "a\\nb\\r\xe2\x80\xa8\\ud800"}\n\n'
    )


def test_a_silent_stream_shows_that_it_is_alive(
    written: EngineHolder, endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.api.streams._PING_INTERVAL", 0.1)
    endpoint.silent_after = 0
    with api(written) as client, client.stream("POST", "/api/ask", json={"question": QUESTION}, headers=EVENTS) as got:
        assert next(line for line in got.iter_lines() if line.startswith(":")) == ": still at it"
        endpoint.released.set()


def test_answers_side_by_side_are_not_mixed(written: EngineHolder) -> None:
    questions = [f"caches on disk, asked as number {number}" for number in range(8)]
    answers: dict[str, Any] = {}
    with api(written) as client:

        def one(question: str) -> None:
            answers[question] = ask(client, question=question, llm=False)[-1][1]["question"]

        threads = [threading.Thread(target=one, args=(question,)) for question in questions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {question: question for question in questions}
