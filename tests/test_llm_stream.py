from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.reader import read_corpus
from rag.llm.stream import (
    CumulativeText,
    ErrorEvent,
    NotAStream,
    RepetitionDetector,
    ReplyChunk,
    StreamDecoder,
    StreamError,
)
from tests.conftest import PROJECT
from tests.endpoint_fakes import MESSAGES, STREAM, RawEndpoint, chat_with

STREAMS = sorted((Path(__file__).parent / "data" / "streams").glob("*.sse"))


def expected(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))


def pieces(data: bytes, size: int) -> list[bytes | float]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_there_are_streams_of_twenty_servers_and_more() -> None:
    assert len(STREAMS) == 26


@pytest.mark.parametrize("size", [7, 100_000])
@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_stream_of_a_known_server_is_read_as_it_was_meant(path: Path, size: int) -> None:
    with RawEndpoint([[STREAM, *pieces(path.read_bytes(), size)]]) as server:
        chat = chat_with(server, total_timeout=20, timeout=10)
        reply = chat.complete(MESSAGES)
        chat.close()
        wanted = expected(path)
        assert (reply.text, reply.cut) == (wanted["text"], wanted["cut"])
        assert (chat.usage.prompt_tokens, chat.usage.completion_tokens) == (
            wanted["prompt_tokens"],
            wanted["completion_tokens"],
        )


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_chunks_do_not_depend_on_how_bytes_are_cut(path: Path) -> None:
    data = path.read_bytes()
    whole = decoded([data])
    for size in (1, 2, 3, 5, 64):
        assert decoded(pieces(data, size)) == whole
    assert any(chunk.reasoning for chunk in whole) or expected(path)["reasoning"] in (False, "<think>" in data.decode())


def decoded(parts: list[Any]) -> list[ReplyChunk]:
    decoder = StreamDecoder()
    return [*(chunk for part in parts for chunk in decoder.feed(part)), *decoder.end()]


def sent(*bodies: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(body).encode() + b"\n\n" for body in bodies)


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": {}},
        {"choices": [None]},
        {"choices": [{"delta": 5}]},
        {"choices": [{"delta": {"content": 5}}]},
        {"choices": [{"delta": {"content": [5, {"type": "text"}, {"thinking": 5}]}}]},
        {"choices": [], "usage": 5},
        {"choices": [], "usage": {"prompt_tokens": None, "completion_tokens": -1}},
        {"choices": [], "usage": {"prompt_tokens": True, "completion_tokens": "5"}},
        {"x_groq": 5},
        {},
    ],
)
def test_odd_chunk_is_read_as_an_empty_one(odd: dict[str, Any]) -> None:
    assert decoded([sent(odd)]) == [ReplyChunk()]


@pytest.mark.parametrize(
    ("body", "text", "reasoning"),
    [
        ({"choices": [{"delta": {"content": {"type": "text", "text": "Yes."}}}]}, "Yes.", ""),
        ({"choices": [{"delta": {"content": ["Yes.", {"text": " No."}]}}]}, "Yes. No.", ""),
        ({"choices": [{"index": 1, "delta": {"content": "Other."}}]}, "", ""),
        ({"choices": [{"index": 1, "delta": {}}, {"index": 0, "delta": {"content": "Yes."}}]}, "Yes.", ""),
        ({"choices": [{"delta": {"reasoning_text": "Hm."}}]}, "", "Hm."),
        ({"choices": [{"delta": {"reasoning": "Hm.", "reasoning_content": "Hm."}}]}, "", "Hm."),
        ({"choices": [{"delta": {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}}]}, "", "Hm."),
        ({"choices": [{"delta": {"thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]}}]}, "", "Hm."),
    ],
)
def test_text_and_reasoning_are_found_in_other_forms(body: dict[str, Any], text: str, reasoning: str) -> None:
    (chunk,) = decoded([sent(body)])
    assert (chunk.text, chunk.reasoning) == (text, reasoning)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_event_may_have_several_lines_and_any_line_ends(end: bytes, size: int) -> None:
    lines = [
        b'data: {"choices": [{"delta":',
        b'data:{"content": "Yes."}}]}',
        b"",
        b"data: null",
        b"",
        b"data: [DONE]",
        b"",
    ]
    data = b"".join(line + end for line in lines)
    chunks = decoded([data[at : at + size] for at in range(0, len(data), size)])
    assert [(each.text, each.finish_reason) for each in chunks] == [("Yes.", None), ("", "stop")]


def test_event_that_is_no_json_is_an_error_at_its_end() -> None:
    with pytest.raises(StreamError, match="not JSON"):
        decoded([b'data: {"choices": [}\n\n'])


def test_text_of_older_forms_is_read_too() -> None:
    forms = [{"message": {"content": "Whole."}}, {"text": "Old."}, {"delta": {"content": "New."}, "text": "Old."}]
    data = sent(*({"choices": [form]} for form in forms))
    assert [chunk.text for chunk in decoded([data])] == ["Whole.", "Old.", "New."]


def test_parts_of_reasoning_and_refusal_are_kept_apart() -> None:
    parts = [{"type": "reasoning", "text": "Hm."}, {"type": "thinking", "thinking": [{"type": "text", "text": "Ah."}]}]
    chunks = decoded(
        [
            sent(
                {"choices": [{"delta": {"content": [*parts, {"type": "output_text", "text": "Yes."}]}}]},
                {"choices": [{"delta": {"thinking": "So."}}]},
                {"choices": [{"delta": {"refusal": "No."}}]},
                {"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]},
            )
        ]
    )
    assert [(each.text, each.reasoning, each.refusal, each.calls_tool) for each in chunks] == [
        ("Yes.", "Hm.Ah.", "", False),
        ("", "So.", "", False),
        ("", "", "No.", False),
        ("", "", "", True),
    ]


WHOLE = {"object": "chat.completion", "choices": [{"message": {"content": "Yes."}}], "usage": {}}


@pytest.mark.parametrize("indent", [None, 2])
def test_completion_that_comes_as_a_whole_is_read_as_one_chunk(indent: int | None) -> None:
    decoder = StreamDecoder()
    data = json.dumps(WHOLE, indent=indent).encode()
    assert [*decoder.feed(data[:30]), *decoder.feed(data[30:])] == []
    assert list(decoder.end()) == [ReplyChunk("Yes."), ReplyChunk(finish_reason="stop")]
    assert decoder.whole


def test_chunks_without_the_name_of_their_field_are_read_line_by_line() -> None:
    lines = [json.dumps({"choices": [{"delta": {"content": text}}]}) for text in ("One", " two")]
    decoder = StreamDecoder()
    assert [chunk.text for chunk in decoder.feed("\n".join([*lines, ""]).encode())] == ["One", " two"]


def grown(*texts: str) -> str:
    cumulative = CumulativeText()
    return "|".join([*map(cumulative.feed, texts), cumulative.flush()])


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("Peb", "Pebble", "Pebble prunes", "Pebble prunes."), "Peb||ble prunes|.|"),
        (("Pebble", " prunes", "."), "Pebble| prunes|.|"),
        (("1", "10", " times"), "1||10 times|"),
        (("ha", "ha", "ha"), "ha|ha|ha|"),
        (("no", "not", "nothing"), "no||thing|"),
        (("Pebble prunes", "Pebble prunes it"), "Pebble prunes|| it"),
        (("1", "10"), "1||10"),
        (("Pe", "Peb", "Pebble", "Pebble"), "Pe||bble||"),
    ],
)
def test_texts_that_repeat_all_before_them_are_read_once(texts: tuple[str, ...], shown: str) -> None:
    assert grown(*texts) == shown


def test_whole_reply_once_more_at_the_end_is_not_shown_twice() -> None:
    parts = ["Pebble prunes the KV cache", " and keeps", " its accuracy", " on eight tasks."]
    assert grown(*parts, "".join(parts)).replace("|", "") == "".join(parts)


@given(st.lists(st.sampled_from(["a", " a", "b", "ab", "\n", "ba"]), min_size=3, max_size=12))
def test_reply_that_grows_with_each_text_is_the_last_of_them(pieces: list[str]) -> None:
    texts = ["".join(pieces[: i + 1]) for i in range(len(pieces))]
    assert grown(*texts).replace("|", "") == texts[-1]


def test_nothing_is_read_after_the_end_that_the_server_marks() -> None:
    decoder = StreamDecoder()
    data = b"data: [DONE]\n\n" + sent({"choices": [{"delta": {"content": "More."}}]})
    assert [*decoder.feed(data), *decoder.end()] == [ReplyChunk(finish_reason="stop")]
    assert decoder.done


@pytest.mark.parametrize("end", [b"\n\n", b""])
def test_error_event_is_raised_with_its_body(end: bytes) -> None:
    with pytest.raises(ErrorEvent) as raised:
        decoded([b'data: {"error": {"code": 500}}' + end])
    assert raised.value.body == {"error": {"code": 500}}


def test_response_that_is_no_stream_is_kept_to_be_quoted() -> None:
    decoder = StreamDecoder()
    assert list(decoder.feed(b'{"error":\n "no"}')) == []
    with pytest.raises(NotAStream) as raised:
        list(decoder.end())
    assert json.loads(raised.value.head) == {"error": "no"}


def test_line_without_end_takes_no_more_than_its_bound() -> None:
    decoder = StreamDecoder()
    with pytest.raises(StreamError, match="a line of more than 1 MiB"):
        for _ in range(20):
            list(decoder.feed(b"data: " + b"x" * 100_000))


def test_answer_without_end_takes_no_more_than_its_bound() -> None:
    decoder = StreamDecoder()
    with pytest.raises(StreamError, match="more than 64 MiB for one answer"):
        for _ in range(700):
            list(decoder.feed(b": " + b"ping" * 25_000 + b"\n"))


def test_deep_nesting_is_not_json() -> None:
    with pytest.raises(StreamError, match="not JSON"):
        list(StreamDecoder().feed(b"data: " + b"[" * 200_000 + b"\n\n"))


def repeats(text: str, size: int = 5) -> bool:
    detector = RepetitionDetector()
    return any(detector.feed(text[start : start + size]) for start in range(0, len(text), size))


SENTENCE = "Pebble prunes the cache of large models and keeps their accuracy [1]. "
LONG = "".join(f"This is sentence {word}, which says something of its own about caches. " for word in "abcdefgh")


@pytest.mark.parametrize("size", [1, 5, 4000])
@pytest.mark.parametrize(
    "text",
    [
        "the " * 60,
        "ha" * 600,
        "a" * 1200,
        "哈" * 60,
        "缓存被修剪了。" * 12,
        "\n" * 2000,
        "-" * 2000,
        "Intro. " + SENTENCE * 5,
        "- [1] Pebble\n- [2] Dune\n" * 12,
        LONG * 4,
    ],
)
def test_repetition_is_detected(text: str, size: int) -> None:
    assert repeats(text, size)


TABLE = "| paper | GPU | memory | speed | code |\n|" + "-" * 30 + "|" + ("-" * 60 + "|") * 4 + "\n"
LIKE = "\n".join(
    f"- {name} prunes the key-value cache of large language models and cuts their memory by {n}× [{n}]"
    for n, name in enumerate(["Pebble", "Dune", "Reef", "Qubit", "Sand", "Moss", "Quill", "Lind", "Tanaka", "Osei"], 1)
)


@pytest.mark.parametrize(
    "text",
    [
        TABLE + "".join(f"| Paper{n} | yes | yes | n/a | n/a |\n" for n in range(60)),
        "|" + " yes |" * 25,
        LIKE,
        " ".join(f"The paper [{n}] does not say so." for n in range(1, 40)),
        " ".join(f"[{n}]" for n in range(1, 60)),
        SENTENCE * 3,
        "no, no, no, no, no",
        "Very " * 20 + "small.",
        "1.0 0.5 " * 10,
        "\n\n".join([LIKE, TABLE, SENTENCE]) * 2,
    ],
)
def test_repetition_in_a_sound_answer_is_none(text: str) -> None:
    assert not repeats(text) and not repeats(text, 4000)


def test_no_abstract_of_the_collection_is_taken_for_repetition() -> None:
    papers = read_corpus([PROJECT / "corpus"], 2025).papers
    assert len(papers) == 372
    assert not [paper.title for paper in papers if repeats(f"{paper.title}\n{paper.abstract}", 40)]


def test_detection_takes_little_time_for_each_token() -> None:
    detector = RepetitionDetector()
    words = [f"word{n % 997} of the " for n in range(5000)]
    started = time.perf_counter()
    assert not any(map(detector.feed, words))
    assert (time.perf_counter() - started) / len(words) < 0.002
