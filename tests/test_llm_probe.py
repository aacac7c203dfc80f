from __future__ import annotations

import json
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from rag.llm.probe import (
    Finding,
    ServedModel,
    is_served,
    model_names,
    parameters_of_name,
    probe,
    served_model,
    window_of_props,
)
from rag.settings import Settings
from tests.endpoint_fakes import DONE, STREAM, RawEndpoint, delta, event, request_threads, status

OBJECT = '{"colour": "white"}'


class Pages:
    """A server with pages and streamed replies, one of them for requests with a schema."""

    def __init__(
        self, pages: dict[str, Any], words: Sequence[str], form: str | None = OBJECT, pause: float = 0.0
    ) -> None:
        self.pages, self.words, self.form, self.pause = pages, words, form, pause
        self.paths: list[str] = []

    def __enter__(self) -> Pages:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                page = outer.pages.get(self.path)
                self._send(404 if page is None else 200, json.dumps(page or {"error": "not found"}).encode())

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if "response_format" in request and outer.form is None:
                    self._send(400, b'{"error": {"message": "response_format is not supported"}}')
                    return
                about_colour = "colour" in request["messages"][-1]["content"]
                self.wfile.write(STREAM)
                for word in [outer.form or OBJECT] if about_colour else outer.words:
                    self.wfile.write(delta(content=word))
                    self.wfile.flush()
                    time.sleep(outer.pause)
                usage = {"prompt_tokens": 9, "completion_tokens": len(outer.words)}
                self.wfile.write(delta("stop") + event(choices=[], usage=usage) + DONE)

            def _send(self, code: int, body: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def probe(self, model: str, **values: Any) -> dict[str, Finding]:
        url = f"http://127.0.0.1:{self._server.server_port}/v1"
        found = tuple(probe(Settings(llm_base_url=url, llm_model=model, llm_api_key="sesame-key", **values)))
        assert not any("sesame" in finding.detail for finding in found)
        return {finding.name: finding for finding in found}


def listing(model: str, **entry: Any) -> dict[str, Any]:
    return {"/v1/models": {"object": "list", "data": [{"id": model, "object": "model", **entry}]}}


WORDS = ("one", " two", " three", " four", " five")


def test_endpoint_that_does_all_is_found_to() -> None:
    with Pages(listing("big-70b", max_model_len=32768), WORDS, pause=0.02) as server:
        found = server.probe("big-70b")
        assert {finding.state for finding in found.values()} == {"ok"}
        assert list(found) == ["endpoint", "answer", "structured output", "context"]
        assert found["endpoint"].detail.endswith("/v1 lists 1 model(s)")
        assert found["answer"].detail.startswith("big-70b: first token after 0.")
        assert " tokens/s, reports token counts" in found["answer"].detail
        assert found["structured output"].detail == "json_schema is obeyed"
        assert found["context"].detail == "its model holds 32768 tokens, CITEDESK_LLM_CONTEXT is 8192"


def test_window_below_the_setting_is_a_warning_with_the_value_to_set() -> None:
    with Pages(listing("big-70b", max_model_len=4096), WORDS) as server:
        context = server.probe("big-70b")["context"]
        assert (context.state, context.detail) == (
            "warn",
            "CITEDESK_LLM_CONTEXT is 8192, but its model holds 4096 tokens. Set it to 4096.",
        )


def test_llama_cpp_tells_its_window_at_props() -> None:
    pages = listing("small", owned_by="llamacpp", meta={"n_ctx_train": 131072, "n_params": 1_540_000_000})
    pages["/props"] = {"default_generation_settings": {"n_ctx": 2048}}
    with Pages(pages, WORDS) as server:
        found = server.probe("small")
        assert "its model holds 2048 tokens" in found["context"].detail
        assert found["way of writing"].detail == (
            "a model of 1.54 billion parameters writes badly over many abstracts, and better over one. "
            "Set CITEDESK_LLM_MODE=per-paper."
        )


def test_lm_studio_tells_its_window_beside_the_protocol() -> None:
    pages = listing("llama-3.1-8b", owned_by="organization_owner")
    pages["/api/v0/models"] = {
        "data": [{"id": "llama-3.1-8b", "max_context_length": 131072, "loaded_context_length": 4096}]
    }
    with Pages(pages, WORDS) as server:
        assert "its model holds 4096 tokens" in server.probe("llama-3.1-8b")["context"].detail


@pytest.mark.parametrize(
    "pages", [listing("llama3.1:latest", owned_by="library"), {"/api/version": {"version": "0.9.0"}}]
)
def test_ollama_is_warned_of_since_it_cuts_without_a_word(pages: dict[str, Any]) -> None:
    with Pages(pages, WORDS) as server:
        found = server.probe("llama3.1")
        assert "model at endpoint" not in found
        assert found["context"].state == "warn"
        assert "OLLAMA_CONTEXT_LENGTH=8192" in found["context"].detail


def test_ollama_with_a_loaded_model_of_enough_context_is_fine() -> None:
    pages = listing("llama3.1:latest", owned_by="library")
    pages["/api/ps"] = {"models": [{"name": "llama3.1:latest", "context_length": 16384}]}
    with Pages(pages, WORDS) as server:
        assert server.probe("llama3.1")["context"].state == "ok"


def test_schema_that_is_refused_is_told_and_asked_for_in_words() -> None:
    with Pages(listing("big-70b"), WORDS, form=None) as server:
        finding = server.probe("big-70b")["structured output"]
        assert (finding.state, finding.detail) == (
            "ok",
            "json_schema is not obeyed, but JSON is given where the prompt asks for it",
        )


def test_model_that_gives_no_json_is_a_warning() -> None:
    with Pages(listing("big-70b"), WORDS, form="White.") as server:
        finding = server.probe("big-70b")["structured output"]
        assert finding.state == "warn"
        assert finding.detail.startswith("the reply was not JSON of the given schema")


def test_model_whose_name_says_that_it_is_small_is_better_asked_paper_by_paper() -> None:
    with Pages(listing("qwen2.5-1.5b-instruct"), WORDS) as server:
        finding = server.probe("qwen2.5-1.5b-instruct")["way of writing"]
        assert (finding.state, "CITEDESK_LLM_MODE=per-paper" in finding.detail) == ("warn", True)


def test_slow_model_of_unknown_size_is_better_asked_paper_by_paper() -> None:
    with Pages(listing("mystery"), WORDS, pause=0.15) as server:
        assert "tokens per second" in server.probe("mystery")["way of writing"].detail
    with Pages(listing("mystery"), WORDS, pause=0.01) as server:
        assert "way of writing" not in server.probe("mystery")


def test_model_that_is_not_listed_is_a_failure_and_the_rest_is_still_tried() -> None:
    with Pages(listing("other"), WORDS) as server:
        found = server.probe("big-70b")
        assert (found["model at endpoint"].state, found["answer"].state) == ("fail", "ok")


@pytest.mark.parametrize(
    ("play", "name", "detail"),
    [
        (status(401, "{}"), "endpoint", "rejected the API key (HTTP 401): check CITEDESK_LLM_API_KEY."),
        ([30.0], "endpoint", "did not answer a request for its models in time; is it busy?"),
        ([STREAM, *[b"x", 0.05] * 200], "endpoint", "did not answer a request for its models in time; is it busy?"),
        (status(500, "{}"), "answer", "failed (HTTP 500); see the server's log."),
        (status(200, '{"data": []}'), "answer", 'did not send its answer as a stream ({"data": []}): does '),
    ],
)
def test_endpoint_that_fails_ends_the_checks_within_their_time(play: Any, name: str, detail: str) -> None:
    with RawEndpoint([play]) as server:
        started = time.monotonic()
        settings = Settings(llm_base_url=server.url, llm_model="small", llm_api_key="sesame-key")
        *_, last = probe(settings, seconds=1.0)
        assert time.monotonic() - started < 1.5
        assert (last.name, last.state) == (name, "fail")
        assert detail in last.detail and "sesame" not in last.detail
        assert request_threads() == []


def test_slow_endpoint_is_given_up_when_the_time_of_all_checks_is_over() -> None:
    trickle = [STREAM, *[part for i in range(200) for part in (delta(content=f"w{i} "), 0.1)]]
    with RawEndpoint([status(404, "{}"), trickle]) as server:
        started = time.monotonic()
        found = list(probe(Settings(llm_base_url=server.url, llm_model="small"), seconds=1.0))
        assert time.monotonic() - started < 1.5
        assert [(finding.name, finding.state) for finding in found] == [
            ("endpoint", "ok"),
            ("answer", "warn"),
            ("structured output", "warn"),
            ("way of writing", "warn"),
        ]
        assert found[1].detail.startswith("small: first token after 0.")
        assert found[1].detail.endswith("; it had not finished when the 1 s of all checks were over")
        assert found[2].detail == "not tried: the 1 s of all checks were over"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("qwen2.5-1.5b-instruct", 1.5),
        ("Qwen/Qwen2.5-0.5B-Instruct-GGUF", 0.5),
        ("llama3.2:1b", 1.0),
        ("smollm2-135M-instruct", 0.135),
        ("gemma-2-2b-it-Q4_K_M", 2.0),
        ("llama-3.2-3b_q8", 3.0),
        ("meta-llama/llama-3.1-70b-instruct", 70.0),
        ("mixtral-8x7b-instruct", 56.0),
        ("gpt-4o-mini", None),
        ("model-4bit", None),
        ("gpt-4.1", None),
    ],
)
def test_size_is_read_out_of_a_name(name: str, size: float | None) -> None:
    assert parameters_of_name(name) == size


def test_lists_of_models_are_read_in_every_form() -> None:
    assert model_names({"data": [{"id": "a"}, {"id": None}, 5]}) == ("a",)
    assert model_names("<html>") == model_names(None) == model_names({"data": {}}) == ()
    assert is_served("llama3.2", {"data": [{"id": "llama3.2:latest"}]})
    assert not is_served("llama3", {"data": [{"id": "llama3.2:latest"}]})
    assert is_served("short", {"data": [{"id": "/models/long.gguf", "aliases": ["short"]}]})
    assert is_served("any", {"data": [{"id": "/models/long.gguf", "owned_by": "llamacpp"}]})
    assert is_served("any", {"data": []}) and is_served("any", None)
    assert served_model("m", {"data": [{"id": "m", "context_length": 4096, "meta": None}]}) == ServedModel(
        4096, None, "other"
    )
    assert served_model("m", {"data": [{"id": "m", "context_window": True}]}).window is None
    assert window_of_props({"default_generation_settings": []}) is None
