from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from rag.errors import ContextOverflow, LLMFailed
from rag.llm.client import open_chat
from tests.endpoint_fakes import (
    DONE,
    MESSAGES,
    STREAM,
    RawEndpoint,
    Script,
    chat_with,
    delta,
    event,
    request_threads,
    short_settings,
    status,
    stream_of,
    stream_once,
)
from tests.timing import PATIENCE

AT_ONCE = 1.5  # seconds, on a machine that others use too
SLACK = 1.0  # seconds beyond a timeout
PAGE = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Oops</h1></body></html>"


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 2
    while request_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert request_threads() == []


AT_ONCE_FAULTS: dict[str, tuple[Script, str]] = {
    "401": (
        status(401, '{"error": {"message": "bad"}}'),
        "rejected the API key (HTTP 401): check CITEDESK_LLM_API_KEY.",
    ),
    "403": (
        status(403, '{"error": {"message": "Project has no access"}}'),
        "denied access (HTTP 403: Project has no access): is CITEDESK_LLM_API_KEY allowed to use this model?",
    ),
    "404, the model (OpenAI)": (
        status(404, '{"error": {"message": "The model `small-model` does not exist", "code": "model_not_found"}}'),
        "has no model 'small-model' (HTTP 404): check CITEDESK_LLM_MODEL.",
    ),
    "404, the model (Ollama)": (
        status(404, '{"error": {"message": "model \\"small-model\\" not found, try pulling it first"}}'),
        "has no model 'small-model' (HTTP 404): check CITEDESK_LLM_MODEL.",
    ),
    "400, the model (OpenRouter)": (
        status(400, '{"error": {"message": "small-model is not a valid model ID", "code": 400}}'),
        "has no model 'small-model' (HTTP 400): check CITEDESK_LLM_MODEL.",
    ),
    "404, the address": (
        status(404, '{"detail": "Not Found"}'),
        "has nothing at this address (HTTP 404): check CITEDESK_LLM_BASE_URL, which often ends in /v1.",
    ),
    "408": (status(408), "timed out while waiting for the request (HTTP 408); try again."),
    "429": (
        status(429, '{"error": {"message": "slow down"}}', "Retry-After: 30"),
        "is limiting its requests (HTTP 429): try again in 30 s.",
    ),
    "429, no quota": (
        status(429, '{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'),
        "says that the quota is used up (HTTP 429: You exceeded your current quota).",
    ),
    "500": (
        status(500, '{"error": {"message": "CUDA error"}}'),
        "failed (HTTP 500: CUDA error); see the server's log.",
    ),
    "502, a page": (
        status(502, PAGE, content_type="text/html"),
        "is behind a gateway that cannot reach it (HTTP 502: a web page, “502 Bad Gateway”); "
        "is the server itself running?",
    ),
    "503, loading": (
        status(503, '{"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}'),
        "is not ready (HTTP 503: Loading model); its model may still be loading, try again later.",
    ),
    "504, a page": (
        status(504, PAGE, content_type="text/html"),
        "is behind a gateway that timed out while waiting for it",
    ),
    "redirect": (
        status(307, "", "Location: https://user:pass@elsewhere.example/v1?key=sesame-key"),
        "redirects to https://elsewhere.example (HTTP 307), which is not followed: "
        "set CITEDESK_LLM_BASE_URL to the final address.",
    ),
    "no stream at all": ([STREAM], "sent an empty stream; see the server's log."),
    "done at once": ([STREAM, DONE], "sent an empty answer; does CITEDESK_LLM_MODEL name a chat model?"),
    "only white space": (stream_of(" ", "\n"), "sent an empty answer; does CITEDESK_LLM_MODEL name a chat model?"),
    "closed without a word": ([], "sent no HTTP response (Server disconnected without sending a response.): "),
    "no HTTP": (
        [b"220 mail.example ESMTP\r\n\r\n"],
        "sent no HTTP response (illegal status line): is CITEDESK_LLM_BASE_URL the ",
    ),
    "a page for a stream": (
        status(200, PAGE, content_type="text/html"),
        "sent a web page, “502 Bad Gateway”, not an answer: does CITEDESK_LLM_BASE_URL end in /v1?",
    ),
    "one object that is no completion": (
        status(200, '{"answer": "Yes."}'),
        'did not send its answer as a stream ({"answer": "Yes."}): does ',
    ),
    "an error with status 200": (
        status(200, '{"error": {"message": "No models loaded", "code": "no_model"}}'),
        "(error in its stream: No models loaded)",
    ),
    "an error whose code is no status": (
        status(200, '{"error": {"message": "No models loaded", "code": "²"}}'),
        "(error in its stream: No models loaded)",
    ),
    "an error whose code is too long": (
        status(200, '{"error": {"message": "No models loaded", "code": "' + "9" * 40 + '"}}'),
        "(error in its stream: No models loaded)",
    ),
    "garbage": ([STREAM, bytes(range(256)) * 8], "did not send its answer as a stream (binary data): "),
    "half a frame": ([STREAM, b'data: {"choices": [{"del'], "broke off before the end of the answer"),
    "no JSON": ([STREAM, b"data: {choices}\n\n"], "sent a response that cannot be read: not JSON: {choices}."),
    "no chunk": ([STREAM, b"data: [1, 2]\n\n"], "sent a response that cannot be read: not a chunk: [1, 2]."),
    "garbage for gzip": (
        [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n", b"\x1f\x8bgarbage"],
        "sent a response that cannot be read: compressed data (gzip), which it was asked not to send.",
    ),
    "an endless line": (
        [STREAM, *[b"x" * 65536] * 64],
        "sent a response that cannot be read: a line of more than 1 MiB.",
    ),
    "given up": (
        [STREAM, delta("error", content="")],
        "gave up on the answer (finish reason: error); see the server's",
    ),
    "only reasoning": (
        [STREAM, delta(reasoning_content="Let me think."), delta("length"), DONE],
        "sent only reasoning and no answer: raise CITEDESK_LLM_REASONING_TOKENS (8192) and CITEDESK_LLM_CONTEXT "
        "(8192), or turn off thinking.",
    ),
    "an unclosed thought": (stream_of("<th", "ink>", "Let me think."), "sent only reasoning and no answer: raise "),
}


@pytest.mark.parametrize("fault", AT_ONCE_FAULTS)
def test_fault_is_one_line_at_once(fault: str) -> None:
    play, expected = AT_ONCE_FAULTS[fault]
    with RawEndpoint([play]) as server:
        text, failure, taken = stream_once(chat_with(server))
        assert text.strip() == ""
        assert str(failure).startswith(
            f"The endpoint {server.url} {expected}" if expected[0] != "(" else "The endpoint"
        )
        assert expected in str(failure)
        assert "\n" not in str(failure) and "sesame" not in str(failure) and "<" not in str(failure)
        assert len(server.requests) == (2 if fault == "only reasoning" else 1)  # which is asked once more, with room
        assert taken < AT_ONCE


LATE_FAULTS: dict[str, tuple[Script, str]] = {
    "cut": ([STREAM, delta(content="Half an")], "broke off before the end of the answer; see the server's log."),
    "cut in a chunk": (
        [
            STREAM[:-2] + b"Transfer-Encoding: chunked\r\n\r\n",
            *(b"%x\r\n" % len(delta(content="Half an")), delta(content="Half an"), b"\r\n40\r\nab"),
        ],
        "broke off before the end of the answer (peer closed connection",
    ),
    "half a frame": (
        [STREAM, delta(content="Half an"), b'data: {"cho'],
        "broke off before the end of the answer; see",
    ),
    "an error (vLLM)": (
        [STREAM, delta(content="Half an"), event(error={"message": "engine died", "code": 500}), DONE],
        "failed (error in its stream 500: engine died); see the server's log.",
    ),
    "an error (old vLLM)": (
        [STREAM, delta(content="Half an"), b'data: {"object":"error","message":"engine died","code":500}\n\n', DONE],
        "failed (error in its stream 500: engine died); see the server's log.",
    ),
    "an error (OpenRouter)": (
        [
            STREAM,
            delta(content="Half an"),
            event(error={"code": 502, "message": "Provider sesame-key off"}, choices=[{"finish_reason": "error"}]),
        ],
        "is behind a gateway that cannot reach it (error in its stream 502: Provider … off); is the server",
    ),
    "an error event": (
        [STREAM, delta(content="Half an"), b'event: error\ndata: {"message": "overloaded"}\n\n'],
        "rejected the request (error in its stream: overloaded).",
    ),
    "reasoning without its start": (
        [STREAM, delta(content="Half an"), delta(content=" idea.\n</think>\nAnswer."), delta("stop"), DONE],
        "sent reasoning as its answer (it ended in </think>): ask again",
    ),
}


@pytest.mark.parametrize("fault", LATE_FAULTS)
def test_fault_after_text_is_told_and_nothing_is_asked_again(fault: str) -> None:
    play, expected = LATE_FAULTS[fault]
    with RawEndpoint([play, stream_of("A second answer.")]) as server:
        text, failure, taken = stream_once(chat_with(server))
        assert text == "Half an"
        assert f"The endpoint {server.url} {expected}" in str(failure)
        assert "sesame" not in str(failure)
        assert len(server.requests) == 1
        assert taken < AT_ONCE


ROLE = delta(role="assistant", content="")
FIRST = "sent no token within 0.5 s (CITEDESK_LLM_FIRST_TOKEN_TIMEOUT)."
BETWEEN = "sent nothing for 0.5 s (CITEDESK_LLM_TIMEOUT)."
TOTAL = "had not finished after 1.5 s (CITEDESK_LLM_TOTAL_TIMEOUT)."
SLOW_FAULTS: dict[str, tuple[Script, str, float]] = {
    "silence before the headers": ([30.0], FIRST, 0.5),
    "half the headers": ([b"HTTP/1.1 200 OK\r\nContent-", 30.0], FIRST, 0.5),
    "headers a byte at a time": ([b"HTTP/1.1 200 OK\r\nX: ", *[b"x", 0.05] * 100], FIRST, 0.5),
    "silence after the headers": ([STREAM, 30.0], FIRST, 0.5),
    "a status without its body": ([status(500, b"x" * 10)[0][:-5], 30.0], FIRST, 0.5),
    "half a frame, then silence": ([STREAM, b'data: {"choices', 30.0], FIRST, 0.5),
    "a frame a byte at a time": ([STREAM, *[b"d", 0.05] * 100], FIRST, 0.5),
    "only pings": ([STREAM, *[b": OPENROUTER PROCESSING\n\n", 0.05] * 100], FIRST, 0.5),
    "a flood of pings": ([STREAM, *[b": ping\n\n", 0.001] * 5000], FIRST, 0.5),
    "only roles": ([STREAM, *[ROLE, 0.05] * 100], FIRST, 0.5),
    "a flood of nothing": ([STREAM, *[ROLE, 0.001] * 5000], FIRST, 0.5),
    "only counts": ([STREAM, *[event(choices=[], usage=None), 0.05] * 100], FIRST, 0.5),
    "silence after a token": ([STREAM, delta(content="One"), 30.0], BETWEEN, 0.5),
    "pings after a token": ([STREAM, delta(content="One"), *[b": ping\n\n", 0.05] * 100], BETWEEN, 0.5),
    "roles after a token": ([STREAM, delta(content="One"), *[ROLE, 0.05] * 100], BETWEEN, 0.5),
    "silence after reasoning": ([STREAM, delta(reasoning="Hm."), 30.0], BETWEEN, 0.5),
    "only reasoning": ([STREAM, *[delta(reasoning="Hm."), 0.1] * 100], TOTAL, 1.5),
    "a thought without end": ([STREAM, delta(content="<think>"), *[delta(content="Hm "), 0.1] * 100], TOTAL, 1.5),
    "a trickle of tokens": (
        [STREAM, *[part for i in range(100) for part in (delta(content=f"w{i} "), 0.2)]],
        TOTAL,
        1.5,
    ),
}


@pytest.mark.parametrize("fault", SLOW_FAULTS)
def test_slow_server_is_left_at_the_moment_that_is_set(fault: str) -> None:
    play, expected, seconds = SLOW_FAULTS[fault]
    with RawEndpoint([play]) as server:
        _, failure, taken = stream_once(chat_with(server))
        assert str(failure) == f"The endpoint {server.url} {expected}"
        assert seconds - 0.02 <= taken < seconds + SLACK
        assert server.disconnected.wait(1)


def test_connection_that_is_refused_is_named_at_once() -> None:
    _, failure, taken = stream_once(open_chat(short_settings("http://127.0.0.1:9/v1")))
    assert str(failure) == (
        "The endpoint http://127.0.0.1:9/v1 cannot be reached (connection refused): is the server running, on the port "
        "in CITEDESK_LLM_BASE_URL?"
    )
    assert taken < AT_ONCE


def test_connection_that_nobody_accepts_ends_when_set() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        _, failure, taken = stream_once(open_chat(short_settings(f"http://127.0.0.1:{port}/v1", connect_timeout=0.3)))
        for each in waiting:
            each.close()
    assert "could not be reached within 0.3 s (CITEDESK_LLM_CONNECT_TIMEOUT): check CITEDESK_LLM_BASE_URL." in str(
        failure
    )
    assert 0.28 <= taken < 0.3 + SLACK


def test_name_that_does_not_exist_is_called_one() -> None:
    _, failure, taken = stream_once(
        open_chat(short_settings("http://nowhere.invalid/v1", connect_timeout=10, total_timeout=20))
    )
    assert str(failure) == (
        "The endpoint http://nowhere.invalid/v1 has a host name that cannot be resolved (DNS): check "
        "CITEDESK_LLM_BASE_URL and the network."
    )
    assert taken < 10  # at once, unless this machine's resolver is asked and does not answer


def test_name_whose_look_up_hangs_is_left_when_set(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hangs(*_: object, **__: object) -> None:
        over.wait(10)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    _, failure, taken = stream_once(open_chat(short_settings("http://slow.invalid/v1")))
    over.set()
    assert "could not be reached within 0.5 s (CITEDESK_LLM_CONNECT_TIMEOUT)" in str(failure)
    assert taken < 0.5 + 2 * SLACK


def test_plain_server_at_a_tls_address_is_told_from_a_missing_one() -> None:
    with RawEndpoint([status(400, "Bad request")]) as server:
        settings = short_settings(server.url.replace("http:", "https:"), connect_timeout=PATIENCE)
        _, failure, taken = stream_once(open_chat(settings))
    assert "could not be reached over trusted TLS (" in str(failure)
    assert "http or https in CITEDESK_LLM_BASE_URL?" in str(failure)
    assert taken < PATIENCE


def test_tls_greeting_that_is_never_answered_ends_when_set() -> None:
    with RawEndpoint([[30.0]]) as server:
        _, failure, taken = stream_once(open_chat(short_settings(server.url.replace("http:", "https:"))))
        assert "could not be reached within 0.5 s (CITEDESK_LLM_CONNECT_TIMEOUT)" in str(failure)
        assert taken < 0.5 + SLACK
        assert server.disconnected.wait(1)


OVERFLOWS = {
    "OpenAI": {
        "error": {
            "message": "This model's maximum context length is 4096 tokens. However, your messages had 5000.",
            "code": "context_length_exceeded",
        }
    },
    "vLLM, old": {
        "object": "error",
        "message": "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens",
        "code": 400,
    },
    "vLLM": {
        "error": {
            "message": "The decoder prompt (length 9000) is longer than the maximum model length of 4096.",
            "code": 400,
        }
    },
    "llama.cpp": {
        "error": {
            "code": 400,
            "message": "the request exceeds the available context size (4096 tokens), try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 9000,
            "n_ctx": 4096,
        }
    },
    "LM Studio": {
        "error": "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with "
        "context length of only 4096 tokens"
    },
    "OpenRouter": {
        "error": {
            "message": "This endpoint's maximum context length is 4096 tokens. However, you asked for 9000",
            "code": 400,
            "metadata": {"provider_name": None},
        }
    },
    "Ollama": {"error": {"message": "the input length exceeds the context length 4096"}},
    "TGI": {
        "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9000",
        "error_type": "validation",
    },
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", OVERFLOWS)
def test_overflow_names_the_window_in_the_words_of_every_server(name: str, streamed: bool) -> None:
    body = json.dumps(OVERFLOWS[name])
    play = [STREAM, b"data: " + body.encode() + b"\n\n"] if streamed else status(400, body)
    with RawEndpoint([play]) as server:
        _, failure, taken = stream_once(chat_with(server))
    assert isinstance(failure, ContextOverflow)
    assert "was sent more than its model's context window holds" in str(failure)
    assert str(failure).endswith("set CITEDESK_LLM_CONTEXT (8192) to 4096.")
    assert taken < AT_ONCE


def test_overflow_without_numbers_still_names_the_setting() -> None:
    with RawEndpoint([status(413, "Request Entity Too Large")]) as server:
        _, failure, _ = stream_once(chat_with(server))
    assert isinstance(failure, ContextOverflow)
    assert str(failure).endswith("(HTTP 413): set CITEDESK_LLM_CONTEXT (8192) to what its model holds.")


def test_bomb_of_compressed_data_is_not_unpacked() -> None:
    bomb = gzip.compress(b"a" * 20_000_000)
    started = time.monotonic()
    with RawEndpoint(
        [status(500, bomb, "Content-Encoding: gzip"), status(200, bomb, "Content-Encoding: gzip")]
    ) as server:
        chat = chat_with(server)
        with pytest.raises(LLMFailed, match="HTTP 500"):
            list(chat.stream(MESSAGES))
        with pytest.raises(LLMFailed, match="compressed data"):
            list(chat.stream(MESSAGES))
        chat.close()
    assert time.monotonic() - started < 2 * AT_ONCE


def test_endless_refusal_is_not_read_to_its_end() -> None:
    endless = [b"HTTP/1.1 500 Status\r\n\r\n", *[b"x" * 65536, 0.001] * 400]
    with RawEndpoint([endless]) as server:
        _, failure, taken = stream_once(chat_with(server))
    assert "failed (HTTP 500: xxxx" in str(failure) and len(str(failure)) < 400
    assert taken < AT_ONCE


def test_text_that_cannot_be_printed_is_made_printable() -> None:
    play = [STREAM, delta(content="a\0b\x1b[31m \ud83d"), delta(content="\ude00 \ud83d c"), delta("stop"), DONE]
    with RawEndpoint([play]) as server:
        text, failure, _ = stream_once(chat_with(server))
    assert failure is None
    assert text == "ab[31m 😀 � c"
    assert text.encode()


def test_server_that_stays_silent_after_its_end_is_not_waited_for() -> None:
    with RawEndpoint([[STREAM, delta(content="Whole."), delta("stop"), 30.0]]) as server:
        text, failure, taken = stream_once(chat_with(server, total_timeout=20, timeout=10))
        assert (text, failure) == ("Whole.", None)
        assert taken < 1 + SLACK
        assert server.disconnected.wait(1)
