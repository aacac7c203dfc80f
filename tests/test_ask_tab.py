from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from tests.fakes import EASY_RANKER, SHELF, hash_library, hash_models, hash_settings
from tests.serving import shelf_engine
from ui.engine_holder import EngineHolder, SessionSettings
from ui.monitoring.monitor import Monitor

gr = pytest.importorskip("gradio")
QUESTION = "which papers prune the KV cache"


def request() -> Any:
    state = {"request_id": "abc", "user": "ada"}
    return gr.Request(Request({"type": "http", "method": "POST", "headers": [], "state": state}))


def asked(
    monkeypatch: pytest.MonkeyPatch, home: Path, data: dict[str, Any], choice: SessionSettings = SessionSettings()
) -> list[dict[str, Any]]:
    from ui.ask_tab import make_asker

    async def all_shown() -> list[dict[str, Any]]:
        with shelf_engine(monkeypatch, home) as holder:
            ask = make_asker(holder, Monitor(holder))
            return [update["exchange"] async for update in ask(choice, gr.EventData(None, data), request())]

    return asyncio.run(all_shown())


def test_question_is_shown_to_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = asked(monkeypatch, tmp_path, {"exchange_id": "x1", "question": QUESTION})
    last = shown[-1]
    assert (last["id"], last["overrides"], last["done"]) == ("x1", {}, True)
    assert SHELF[0].title in last["parts"]["papers"]
    assert [each["done"] for each in shown[:-1]] == [False] * (len(shown) - 1)


def test_question_in_the_chat_is_logged_with_its_stages_and_without_its_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        asked(monkeypatch, tmp_path, {"question": QUESTION})
        asked(monkeypatch, tmp_path, {"question": " "})
    good, bad = (record.fields for record in caplog.records if record.message == "request")
    assert (good["route"], good["request_id"], good["user"], good["status"]) == ("chat", "abc", "ada", 200)
    assert {"read", "retrieve", "score", "evidence", "total"} <= good["stages_ms"].keys()
    assert (bad["status"], bad["stages_ms"]) == (400, {})
    assert "prune" not in str([record.__dict__ for record in caplog.records])


def test_receipt_names_the_generation_also_where_the_question_came_before_the_index_was_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ui.ask_tab import make_asker

    library = hash_library(tmp_path, SHELF)
    library.close()
    monkeypatch.setattr("rag.retrieval.scoring.load_ranker", lambda depth: EASY_RANKER)
    holder = EngineHolder(hash_settings(tmp_path), lambda settings: hash_models())
    event = gr.EventData(None, {"exchange_id": "x1", "question": QUESTION})

    async def last() -> dict[str, Any]:
        shown = []
        async for update in make_asker(holder, Monitor(holder))(SessionSettings(), event, request()):
            shown.append(update["exchange"])
            if len(shown) == 2:
                holder.start()
        assert "Waiting for the models" in shown[1]["parts"]["progress"]
        return shown[-1]

    actions = asyncio.run(last())["parts"]["actions"]
    holder.close()
    assert f'"generation": "{library.manifest.generation}"' in actions


def test_what_the_user_set_reaches_the_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    overrides = {"kind": "fact", "filters": {"since": "2024"}}
    last = asked(monkeypatch, tmp_path, {"exchange_id": "x1", "question": QUESTION, "overrides": overrides})[-1]
    assert last["overrides"] == overrides
    assert "dated 2024 or later" in last["parts"]["understanding"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"question": " "}, "The question is empty."),
        ({"question": "x" * 4001}, "The question has 4,001 characters, and at most 4,000 are read. Shorten it."),
        ({"question": QUESTION, "overrides": {"kind": "poem"}}, "overrides.kind: Input should be &#x27;list&#x27;"),
        ({"question": QUESTION, "history": "none"}, "history: Input should be a valid list."),
        ({"question": QUESTION, "history": [{"answer": "x"}]}, "history.0.question: This field is required."),
        ({}, "question: This field is required."),
    ],
)
def test_what_cannot_be_asked_is_said_in_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: dict[str, Any], said: str
) -> None:
    last = asked(monkeypatch, tmp_path, {"exchange_id": "x7", **data})[-1]
    assert (last["id"], last["done"]) == ("x7", True)
    assert 'role="alert"' in last["parts"]["progress"] and said in last["parts"]["progress"]


def test_event_without_fields_is_answered_as_one_without_a_question(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data: Any = ["question", QUESTION]
    assert "question: This field is required." in asked(monkeypatch, tmp_path, data)[-1]["parts"]["progress"]


def test_identity_that_is_none_cannot_become_markup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    last = asked(monkeypatch, tmp_path, {"exchange_id": '"><img src=x>', "question": QUESTION})[-1]
    assert last["id"] == "x0"
    assert "<img" not in "".join(last["parts"].values())
