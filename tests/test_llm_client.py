from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.errors import LLMFailed, OnlyReasoning
from rag.llm.client import EndpointChat, KnownLimits, Request, open_chat
from rag.llm.protocol import ChatModel, Message, Reply
from rag.types import TokenUsage
from tests.endpoint_fakes import (
    DONE,
    MESSAGES,
    STREAM,
    RawEndpoint,
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

SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["yes", "no"]}, "why": {"type": "string"}},
    "required": ["verdict"],
}


def counted(prompt: int, completion: int, *texts: str) -> list[bytes]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return [STREAM, *(delta(content=text) for text in texts), delta("stop"), event(choices=[], usage=usage), DONE]


def test_request_sets_sampling_and_asks_for_counts() -> None:
    with RawEndpoint([stream_of("Yes.")]) as server:
        chat: ChatModel = chat_with(server)
        assert (list(chat.stream(MESSAGES)), chat.name) == (["Yes."], "small-model")
        chat.close()
        assert server.requests == [
            {
                "model": "small-model",
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which papers?"}],
                "temperature": 0.0,
                "top_p": 1.0,
                "max_tokens": 2048,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
        ]


NO_SYSTEM = [
    (400, "System role not supported"),
    (500, "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."),
    (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
    (400, "Developer instruction is not enabled for models/small"),
    (422, 'messages: Unexpected role "system". The Messages API accepts a top-level parameter'),
]


@pytest.mark.parametrize(("code", "message"), NO_SYSTEM)
def test_system_message_is_put_into_the_users_where_the_model_has_no_such_role(code: int, message: str) -> None:
    refusal = status(code, json.dumps({"error": {"message": message}}))
    with RawEndpoint([refusal, stream_of("Yes.")]) as server:
        settings, known = short_settings(server.url), KnownLimits()
        for _ in range(2):
            chat = open_chat(settings, known=known)
            assert chat.complete(MESSAGES).text == "Yes."
            chat.close()
        asked = [[(each["role"], each["content"]) for each in body["messages"]] for body in server.requests]
        folded = [("user", "Be brief.\n\nWhich papers?")]
        assert asked == [[("system", "Be brief."), ("user", "Which papers?")], folded, folded]


def test_server_that_sends_whole_replies_is_given_the_time_of_the_whole_from_then_on() -> None:
    whole = json.dumps({"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]})
    with RawEndpoint([status(200, whole), [0.7, *status(200, whole)]]) as server:
        known = KnownLimits()
        for _ in range(2):
            chat = open_chat(short_settings(server.url), known=known)
            assert chat.complete(MESSAGES) == Reply("Yes.")
            chat.close()
        assert ["stream" in body for body in server.requests] == [True, False]


def test_stream_that_is_refused_is_not_asked_for_again() -> None:
    refusal = status(400, json.dumps({"error": {"message": "Streaming is not supported by this model."}}))
    whole = status(200, json.dumps({"choices": [{"message": {"content": "Yes."}}]}))
    with RawEndpoint([refusal, whole]) as server:
        chat = chat_with(server)
        assert (chat.complete(MESSAGES).text, chat.complete(MESSAGES).text) == ("Yes.", "Yes.")
        chat.close()
        assert [sorted({"stream", "stream_options"} & body.keys()) for body in server.requests] == [
            ["stream", "stream_options"],
            [],
            [],
        ]


def test_model_that_reasoned_and_said_nothing_is_asked_once_more_with_room_for_it() -> None:
    thought = [STREAM, delta(reasoning_content="Hm."), delta("length"), DONE]
    with RawEndpoint([thought, stream_of("<think>Hm.</think>Yes.")]) as server:
        chat = chat_with(server)
        assert chat.complete(MESSAGES, 100) == Reply("Yes.", None, "Hm.")
        chat.close()
        first, second = (body["max_tokens"] for body in server.requests)
        assert (first, second > 7000) == (100, True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"refusal": "I cannot help with that."}, "declines to answer: I cannot help with that."),
        ({"tool_calls": [{"index": 0, "function": {"name": "search"}}]}, "sent a call of a tool and no answer"),
        ({"function_call": {"name": "search"}}, "sent a call of a tool and no answer"),
    ],
)
def test_reply_that_is_no_text_is_told_as_what_it_is(fields: dict[str, Any], words: str) -> None:
    with RawEndpoint([[STREAM, delta(**fields), delta("stop"), DONE]]) as server:
        text, failure, _ = stream_once(chat_with(server))
        assert text == ""
        assert words in str(failure)


def test_reasoning_that_leaked_is_held_back_the_next_time() -> None:
    with RawEndpoint([stream_of("Hm, let me see. ", "So it is. ", "</think>", "Yes.")]) as server:
        settings, known = short_settings(server.url), KnownLimits()
        _, failure, _ = stream_once(open_chat(settings, known=known))
        assert "sent reasoning as its answer" in str(failure)
        assert stream_once(open_chat(settings, known=known))[:2] == ("Yes.", None)


def test_nothing_is_sent_before_something_is_asked() -> None:
    with RawEndpoint([stream_of("Yes.")]) as server:
        chat = chat_with(server)
        chat.close()
        assert (server.requests, chat.usage) == ([], TokenUsage())


def test_fewer_tokens_can_be_asked_for_but_not_more_than_the_settings_allow() -> None:
    with RawEndpoint([stream_of("Yes.")]) as server:
        chat = chat_with(server, max_tokens=100)
        for most in (7, 500, None):
            chat.complete(MESSAGES, most)
        chat.close()
        assert [request["max_tokens"] for request in server.requests] == [7, 100, 100]


@pytest.mark.parametrize(
    ("reason", "cut"),
    [
        ("stop", None),
        ("length", "it reached CITEDESK_LLM_MAX_TOKENS"),
        ("MAX_TOKENS", "it reached CITEDESK_LLM_MAX_TOKENS"),
        ("content_filter", "its content filter stopped it"),
        ("eos_token", None),
        ("refusal", "the model declined to go on"),
        ("PROHIBITED", "the reason it gave is “prohibited”"),
    ],
)
def test_early_end_is_told_with_its_reason(reason: str, cut: str | None) -> None:
    with RawEndpoint([[STREAM, delta(content="Half"), delta(reason), DONE]]) as server:
        chat = chat_with(server)
        assert chat.complete(MESSAGES) == Reply("Half", cut)
        stream = chat.stream(MESSAGES)
        assert next(stream) == "Half"
        with pytest.raises(StopIteration) as end:
            next(stream)
        assert end.value.value == Reply("Half", cut)
        chat.close()


REFUSED = {
    "stream_options": "Unknown parameter: 'stream_options'.",
    "top_p": "Unsupported parameter: 'top_p' is not supported with this model.",
    "temperature": "Unsupported value: 'temperature' does not support 0 with this model. Only 1 is.",
    "max_tokens": "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
}


@pytest.mark.parametrize("code", [400, 422])
@pytest.mark.parametrize("name", REFUSED)
def test_parameter_that_is_refused_is_left_out_from_then_on(name: str, code: int) -> None:
    refusal = status(code, json.dumps({"error": {"message": REFUSED[name]}}))
    with RawEndpoint([refusal, counted(5, 2, "Yes.")]) as server:
        chat = chat_with(server)
        assert [chat.complete(MESSAGES).text for _ in range(2)] == ["Yes.", "Yes."]
        chat.close()
        assert [name in request for request in server.requests] == [True, False, False]
        if name == "max_tokens":
            assert [request.get("max_completion_tokens") for request in server.requests] == [None, 2048, 2048]
        assert (chat.usage.calls, chat.usage.prompt_tokens, chat.usage.completion_tokens) == (3, 10, 4)


def test_several_refused_parameters_are_left_out_one_by_one() -> None:
    refusals = [status(400, json.dumps({"detail": [{"loc": ["body", name], "msg": "extra"}]})) for name in REFUSED]
    with RawEndpoint([*refusals, stream_of("Yes.")]) as server:
        text, failure, _ = stream_once(chat_with(server))
        assert (text, failure, len(server.requests)) == ("Yes.", None, 5)
        assert set(server.requests[-1]) == {"model", "messages", "stream", "max_completion_tokens"}


def test_refusal_that_names_no_parameter_is_final() -> None:
    with RawEndpoint([status(400, '{"error": {"message": "messages must alternate"}}'), stream_of("Yes.")]) as server:
        _, failure, _ = stream_once(chat_with(server))
        assert "rejected the request (HTTP 400: messages must alternate)." in str(failure)
        assert len(server.requests) == 1


def test_too_many_tokens_are_not_asked_for_again_without_a_limit() -> None:
    body = '{"error": {"message": "max_tokens is too large: 1024. This model supports at most 512."}}'
    with RawEndpoint([status(400, body), stream_of("Yes.")]) as server:
        _, failure, _ = stream_once(chat_with(server))
        assert "max_tokens is too large: 1024." in str(failure) and "CITEDESK_LLM_MAX_TOKENS" in str(failure)
        assert len(server.requests) == 1


def test_short_wait_that_the_server_asks_for_is_kept_once() -> None:
    busy = status(429, "{}", "Retry-After: 0.2")
    with RawEndpoint([busy, stream_of("Yes.")]) as server:
        text, failure, taken = stream_once(chat_with(server))
        assert (text, failure, len(server.requests)) == ("Yes.", None, 2)
        assert 0.2 <= taken < 1.5
    with RawEndpoint([busy, busy, stream_of("Yes.")]) as server:
        _, failure, _ = stream_once(chat_with(server))
        assert "is limiting its requests (HTTP 429)" in str(failure)
        assert len(server.requests) == 2


def test_closing_the_generator_ends_the_servers_work() -> None:
    with RawEndpoint([[STREAM, delta(content="One"), 30.0]]) as server:
        chat = chat_with(server, timeout=20, total_timeout=30)
        stream = chat.stream(MESSAGES)
        assert next(stream) == "One"
        started = time.monotonic()
        stream.close()
        assert time.monotonic() - started < 1
        assert server.disconnected.wait(1)
        assert server.disconnected_at[0] - started < 1
        assert request_threads() == []
        chat.close()


@pytest.mark.parametrize("before", [[], [b"HTTP/1.1 200 OK\r\n"], [STREAM], [STREAM, delta(content="One")]])
def test_closing_from_another_thread_ends_what_is_under_way(before: list[bytes]) -> None:
    with RawEndpoint([[*before, 30.0]]) as server:
        chat = chat_with(server, timeout=20, first_token_timeout=20, total_timeout=30)
        closing: list[float] = []

        def close() -> None:
            closing.append(time.monotonic())
            chat.close()

        threading.Timer(0.3, close).start()
        with pytest.raises(LLMFailed, match=r"was cancelled before the end of the answer\.$"):
            list(chat.stream(MESSAGES))
        assert time.monotonic() - closing[0] < 1
        assert server.disconnected.wait(1) and server.disconnected_at[0] - closing[0] < 1
        assert request_threads() == []


def test_chat_that_was_closed_asks_nothing_more() -> None:
    with RawEndpoint([stream_of("Yes.")]) as server:
        chat = chat_with(server)
        chat.close()
        with pytest.raises(LLMFailed, match="was cancelled"):
            list(chat.stream(MESSAGES))
        assert (server.requests, chat.usage.calls) == ([], 0)


def test_close_during_a_wait_that_the_server_asked_for_ends_it() -> None:
    with RawEndpoint([status(429, "{}", "Retry-After: 2"), stream_of("Yes.")]) as server:
        chat = chat_with(server, total_timeout=20)
        threading.Timer(0.2, chat.close).start()
        started = time.monotonic()
        with pytest.raises(LLMFailed):
            list(chat.stream(MESSAGES))
        assert time.monotonic() - started < 1.5
        assert len(server.requests) == 1


def test_calls_side_by_side_are_each_answered_and_counted() -> None:
    plays = [[*counted(10, 3, "Reply ", "one.")[:2], 0.2, *counted(10, 3, "one.")[1:]] for _ in range(8)]
    with RawEndpoint(plays) as server:
        chat = chat_with(server, total_timeout=10, timeout=5)
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: chat.complete(MESSAGES).text, range(8)))
        taken = time.monotonic() - started
        chat.close()
        assert replies == ["Reply one."] * 8
        assert taken < 1.2
        assert (chat.usage.calls, chat.usage.prompt_tokens, chat.usage.completion_tokens) == (8, 80, 24)
        assert 8 * 0.2 <= chat.usage.seconds < 8 * 1.2
        assert request_threads() == []


def test_endpoint_that_counts_nothing_is_not_said_to_have_counted() -> None:
    with RawEndpoint([stream_of("Yes.")]) as server:
        chat = chat_with(server)
        chat.complete(MESSAGES)
        chat.close()
        assert (chat.usage.calls, chat.usage.prompt_tokens, chat.usage.completion_tokens) == (1, None, None)


def complete(*plays: Any) -> tuple[Reply, list[dict[str, Any]]]:
    with RawEndpoint(plays) as server:
        chat = chat_with(server)
        reply = chat.complete(MESSAGES, schema=SCHEMA)
        chat.close()
        return reply, server.requests


def test_schema_is_asked_for_where_the_server_obeys_it() -> None:
    reply, requests = complete(stream_of('{"verdict": ', '"yes"}'))
    assert reply == Reply('{"verdict": "yes"}')
    assert [request["response_format"] for request in requests] == [
        {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True}}
    ]


def test_object_is_taken_out_of_what_stands_around_it() -> None:
    reply, requests = complete(stream_of('Sure {x}: ```json\n{"verdict": "no", "why": "{"}\n``` Done.'))
    assert (reply.text, len(requests)) == ('{"verdict": "no", "why": "{"}', 1)


@pytest.mark.parametrize(
    "refusal",
    [
        status(400, '{"error": {"message": "response_format type is unsupported"}}'),
        stream_of("I think yes."),
        stream_of('{"verdict": "perhaps"}'),
    ],
)
def test_server_that_cannot_be_made_to_is_asked_in_words_and_remembered(refusal: Any) -> None:
    with RawEndpoint([refusal, stream_of('{"verdict": "yes"}')]) as server:
        chat = chat_with(server)
        for _ in range(2):
            assert chat.complete(MESSAGES, schema=SCHEMA) == Reply('{"verdict": "yes"}')
        chat.close()
        assert ["response_format" in request for request in server.requests] == [True, False, False]
        asked = server.requests[-1]["messages"][-1]["content"]
        assert asked.startswith("Which papers?\n\nAnswer with one JSON object") and json.dumps(SCHEMA) in asked


def test_one_bad_object_does_not_end_the_forcing() -> None:
    with RawEndpoint([stream_of('{"verdict": "yes"}'), stream_of("Hm."), stream_of('{"verdict": "no"}')]) as server:
        chat = chat_with(server)
        texts = [chat.complete(MESSAGES, schema=SCHEMA).text for _ in range(3)]
        assert (texts, chat.supports_schema) == (['{"verdict": "yes"}', '{"verdict": "no"}', '{"verdict": "no"}'], True)
        chat.close()
        assert ["response_format" in request for request in server.requests] == [True, True, False, True]


def test_model_that_gives_no_object_at_all_is_quoted() -> None:
    reply, requests = complete(stream_of("Perhaps."), stream_of("Perhaps not."))
    assert (reply, len(requests)) == (Reply("Perhaps not."), 2)


def test_object_that_was_cut_is_not_asked_for_again() -> None:
    reply, requests = complete([STREAM, delta(content='{"verdict": "y'), delta("length"), DONE])
    assert (reply.cut, len(requests)) == ("it reached CITEDESK_LLM_MAX_TOKENS", 1)


@pytest.mark.parametrize(
    "play",
    [
        [STREAM, delta(reasoning_content="Hm."), delta(content="Yes."), delta("stop"), DONE],
        [STREAM, delta(reasoning="Hm."), delta(content="Yes."), delta("stop"), DONE],
        stream_of("<think>Hm.</think>", "Yes."),
        stream_of("<thi", "nk>Hm.", "</thin", "king> no</thi", "nk>\n", "\nYes."),
        stream_of("<thinking>\nHm.\n</thinking>\n\nYes."),
    ],
)
def test_reasoning_is_no_answer(play: Any) -> None:
    with RawEndpoint([play]) as server:
        assert stream_once(chat_with(server))[:2] == ("Yes.", None)


def test_reasoning_model_that_starts_inside_its_block_is_waited_for() -> None:
    with RawEndpoint([stream_of("Hm, ", "let me see.\n", "</think>\n\n", "Yes", ".")]) as server:
        chat = chat_with(server, model="deepseek-r1-distill-qwen-1.5b")
        assert list(chat.stream(MESSAGES)) == ["Yes", "."]
        chat.close()


@pytest.mark.parametrize(
    ("end", "failure"),
    [
        ([delta("length"), DONE], "sent only reasoning and no answer: raise CITEDESK_LLM_REASONING_TOKENS"),
        ([], "broke off"),
    ],
)
def test_reasoning_model_that_is_cut_inside_its_block_gave_no_answer(end: list[bytes], failure: str) -> None:
    with RawEndpoint([[STREAM, delta(content="Hm, let me see."), *end]]) as server:
        text, failed, _ = stream_once(chat_with(server, model="deepseek-r1:7b"))
        assert (text, failure in str(failed)) == ("", True)


def test_step_with_less_tokens_does_not_blame_the_setting() -> None:
    with RawEndpoint([[STREAM, delta(content="Yes, it"), delta("length"), DONE]]) as server:
        chat = chat_with(server)
        assert chat.complete(MESSAGES, 120).cut == "it reached the limit of 120 tokens for this step"
        chat.close()
    with RawEndpoint([[STREAM, delta(reasoning="Hm."), delta("length"), DONE]]) as server:
        chat = chat_with(server)
        with pytest.raises(
            OnlyReasoning, match=r"only reasoning within the limit of 120 tokens .*, or turn off thinking"
        ):
            chat.complete(MESSAGES, 120)
        chat.close()


def test_reasoning_model_that_closed_its_block_may_be_cut_after_it() -> None:
    with RawEndpoint([[STREAM, delta(content="Hm.</think>Yes, it"), delta("length"), DONE]]) as server:
        chat = chat_with(server, model="deepseek-r1:7b")
        assert chat.complete(MESSAGES) == Reply("Yes, it", "it reached CITEDESK_LLM_MAX_TOKENS", "Hm.")
        chat.close()


def test_whole_reply_of_any_model_may_start_inside_a_block() -> None:
    with RawEndpoint([stream_of("Hm, ", "let me see.\n", "</think>\n\n", "Yes", ".")]) as server:
        chat = chat_with(server)
        assert chat.complete(MESSAGES) == Reply("Yes.", None, "Hm, let me see.")
        chat.close()


def test_model_that_repeats_itself_is_stopped() -> None:
    looping = [STREAM, delta(content="It is so. "), *[delta(content="The cache is pruned again. "), 0.002] * 5000]
    with RawEndpoint([looping]) as server:
        text, failure, taken = stream_once(chat_with(server))
        assert str(failure).endswith(
            "was stopped because its model small-model kept repeating itself; try a larger model."
        )
        assert 40 <= len(text.split()) < 60
        assert taken < 1.5
        assert server.disconnected.wait(1)


def test_model_whose_reasoning_repeats_itself_is_stopped() -> None:
    looping = [STREAM, *[delta(reasoning="Wait, let me think again. "), 0.002] * 5000]
    with RawEndpoint([looping]) as server:
        text, failure, taken = stream_once(chat_with(server))
        assert (text, "repeating itself" in str(failure)) == ("", True)
        assert taken < 1.5


@pytest.mark.parametrize("kind", [b"text/plain", b"application/json", b"text/html; charset=utf-8"])
def test_stream_is_read_whatever_its_content_type_says(kind: bytes) -> None:
    with RawEndpoint([[STREAM.replace(b"text/event-stream", kind), *stream_of("Yes.")[1:]]]) as server:
        assert stream_once(chat_with(server))[:2] == ("Yes.", None)


def test_endless_times_are_taken_as_such() -> None:
    endless = dict.fromkeys(("connect_timeout", "first_token_timeout", "timeout", "total_timeout"), float("inf"))
    with RawEndpoint([stream_of("Yes.")]) as server:
        assert stream_once(chat_with(server, **endless))[:2] == ("Yes.", None)


def test_proxy_is_not_asked_for_what_is_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with RawEndpoint([stream_of("Yes.")]) as server:
        assert stream_once(chat_with(server))[:2] == ("Yes.", None)
        assert stream_once(open_chat(short_settings(f"http://localhost:{server.port}/v1")))[:2] == ("Yes.", None)
    _, failure, _ = stream_once(open_chat(short_settings("http://far.invalid/v1")))
    assert "cannot be reached by the proxy of HTTP_PROXY" in str(failure)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("socks5://127.0.0.1:9", "for which the package socksio is missing"),
        ("socks://127.0.0.1:9", "Unknown scheme"),
        ("http://127.0.0.1:port", "check the environment's CITEDESK_LLM_BASE_URL, "),
        ("http://ada:secret@127.0.0.1:9", "Connection refused"),
        ("127.0.0.1:9", "Connection refused"),
        ("http://[::1]:9", "check it, or name the host in NO_PROXY"),
        ("http://", "check it, or name the host in NO_PROXY"),
    ],
)
def test_proxy_that_cannot_be_used_is_one_line_with_its_variable(
    variable: str, proxy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    _, failure, _ = stream_once(open_chat(short_settings("http://far.invalid/v1", connect_timeout=PATIENCE)))
    assert str(failure).startswith("The endpoint http://far.invalid/v1 ") and "\n" not in str(failure)
    assert variable in str(failure) and said in str(failure) and "secret" not in str(failure)


@pytest.mark.parametrize("address", ["http://far.invalid/v1", "https://far.invalid/v1"])
def test_proxy_that_asks_for_a_login_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = f"{address.partition(':')[0].upper()}_PROXY"
    with RawEndpoint([status(407)]) as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        _, failure, _ = stream_once(open_chat(short_settings(address)))
    assert "407" in str(failure) and variable in str(failure)


def test_host_that_no_proxy_names_is_not_blamed_on_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "far.invalid")
    _, failure, _ = stream_once(open_chat(short_settings("http://far.invalid/v1", connect_timeout=PATIENCE)))
    assert "PROXY" not in str(failure)


def test_range_in_no_proxy_that_cannot_be_read_is_one_line_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "fd00::/8,[::1]/128")
    _, failure, _ = stream_once(open_chat(short_settings("https://far.invalid/v1")))
    assert "\n" not in str(failure)
    assert "HTTPS_PROXY, NO_PROXY" in str(failure)


def test_certificates_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    _, failure, _ = stream_once(open_chat(short_settings("https://far.invalid/v1")))
    said = (
        "The endpoint https://far.invalid/v1 cannot be asked: SSL_CERT_FILE names /nowhere/ca.pem, which is not there."
    )
    assert str(failure) == said


@pytest.mark.parametrize("name", ["text.pem", "."])
def test_file_without_certificates_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
    _, failure, _ = stream_once(open_chat(short_settings("https://far.invalid/v1")))
    assert f"SSL_CERT_FILE names {tmp_path / name}, which holds no certificates that can be read." in str(failure)


def test_key_is_sent_as_such_and_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    body = json.dumps({"error": {"message": "Incorrect API key provided: sesame-key, or sk-proj-abc123DEF***."}})
    with RawEndpoint([status(400, body)]) as server:
        chat = open_chat(short_settings(server.url.replace("//", "//user:sesame-key@")))
        with pytest.raises(LLMFailed) as raised:
            chat.complete([Message("user", "Well?")])
        chat.close()
    assert isinstance(chat, EndpointChat)
    assert "sesame" not in str(raised.value) and "abc123" not in str(raised.value)
    assert str(raised.value).startswith(f"The endpoint {server.url} rejected the request")
    assert "sesame" not in caplog.text


FULL = 1.0  # seconds without room for another byte: what lies between the two is full


def _send_until_reset(listener: socket.socket, full: threading.Event, gone: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.settimeout(FULL)
        while True:
            try:
                connection.send(b"x" * 65536)
            except TimeoutError:
                full.set()
                connection.settimeout(None)
            except (BrokenPipeError, ConnectionResetError):
                gone.set()
                return


def test_server_that_sends_faster_than_is_read_learns_of_the_end_too() -> None:
    full, gone = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_send_until_reset, args=(listener, full, gone), daemon=True)
        server.start()
        started, read_on = threading.Event(), threading.Event()

        class PausedClient(httpx.Client):
            """A client whose responses are read no further than their head until told to."""

            def send(self, *args: Any, **kwargs: Any) -> httpx.Response:
                response = super().send(*args, **kwargs)
                started.set()
                read_on.wait(60)
                return response

        request = Request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with PausedClient() as http:
            request.start(http)
            assert started.wait(30) and full.wait(30)
            request.cancel()
            read_on.set()
            assert gone.wait(10)
            request.finish()
        server.join()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors as Linux lists them")
def test_requests_leave_no_descriptor_and_no_thread() -> None:
    def count() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    before = count()
    for script in (stream_of("Yes."), [], status(500, "{}"), [STREAM, delta(content="One"), 30.0]):
        with RawEndpoint([script]) as server:
            stream_once(chat_with(server, timeout=0.1))
    assert count() == before
