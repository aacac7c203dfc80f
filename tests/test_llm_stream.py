from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.reader import read_corpus
from rag.llm.stream import (
    ErrorEvent,
    LeakedReasoning,
    NotAStream,
    ReasoningFilter,
    RepetitionDetector,
    ReplyChunk,
    StreamDecoder,
    StreamError,
    reasons_first,
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


def test_text_of_older_forms_is_read_too() -> None:
    forms = [{"message": {"content": "Whole."}}, {"text": "Old."}, {"delta": {"content": "New."}, "text": "Old."}]
    data = sent(*({"choices": [form]} for form in forms))
    assert [chunk.text for chunk in decoded([data])] == ["Whole.", "Old.", "New."]


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


REPLIES = [
    ("Yes.", "Yes."),
    ("<think>Hm.</think>Yes.", "Yes."),
    ("<THINK>Hm.</Think>\n\nYes.", "Yes."),
    ("\n <think>Hm.</think>\n\nYes.", "\n Yes."),
    ("<thinking>a <think> b</think> c</thinking>\nYes.", "Yes."),
    ("<reasoning>Hm.</reasoning>Yes.", "Yes."),
    ("<think>Hm.", ""),
    ("<think></think>", ""),
    ("<think>Hm.</think>Yes.\n<think>More.</think>\nNo.", "Yes.\nNo."),
    ("</think>Yes.", "Yes."),
    ("a < b and <thin lines>", "a < b and <thin lines>"),
    ("ends in <thi", "ends in <thi"),
    ("The tags <think> and </think> are special [1].", "The tags <think> and </think> are special [1]."),
    ("It writes `<think>` first [2]. Then </think>.", "It writes `<think>` first [2]. Then </think>."),
]


def filtered(pieces: list[str], inside: bool = False) -> str:
    reasoning = ReasoningFilter(inside)
    return "".join(map(reasoning.feed, pieces)) + reasoning.flush()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(("reply", "answer"), REPLIES)
def test_reasoning_is_dropped_however_it_is_cut(reply: str, answer: str, size: int) -> None:
    assert filtered([reply[start : start + size] for start in range(0, len(reply), size)]) == answer


@given(st.text(alphabet="<>/thinkabc \n"), st.lists(st.integers(0, 40), max_size=8))
def test_text_without_reasoning_passes_whole_in_any_pieces(text: str, cuts: list[int]) -> None:
    if "think>" in text or "thinking>" in text:
        return
    positions = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert filtered([text[i:j] for i, j in pairwise(positions)]) == text


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Hm. I see.\n</think>\n\nYes.", "Yes."),
        ("<think>Hm.</think>Yes.", "Yes."),
        ("Yes, at once.", "Yes, at once."),
        ("Hm. Maybe <think> inside.</think>Yes.", "Yes."),
    ],
)
def test_reply_that_reasons_first_a_thought_is_held_until_it_is_known(reply: str, answer: str, size: int) -> None:
    assert filtered([reply[start : start + size] for start in range(0, len(reply), size)], inside=True) == answer


def test_plain_text_is_never_held_back() -> None:
    reasoning = ReasoningFilter()
    assert [reasoning.feed(piece) for piece in ("One", " two", " <", "b", " three")] == [
        "One",
        " two",
        " ",
        "<b",
        " three",
    ]


def test_reasoning_that_was_shown_is_an_error() -> None:
    with pytest.raises(LeakedReasoning):
        filtered(["Hm. I see.", "\n</think>\n\nYes."])


def test_server_that_sends_reasoning_apart_is_not_waited_for() -> None:
    reasoning = ReasoningFilter(inside=True)
    assert reasoning.feed("Yes") == ""
    reasoning.expect_separate_reasoning()
    assert reasoning.feed(".") == "Yes."


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("deepseek-r1:1.5b", True),
        ("DeepSeek-R1-Distill-Qwen-7B", True),
        ("Qwen/QwQ-32B", True),
        ("qwen3-4b-thinking-2507", True),
        ("deepseek-reasoner", True),
        ("magistral-small", True),
        ("qwen2.5-1.5b-instruct", False),
        ("gpt-4o-mini", False),
        ("command-r1x", False),
        ("llama-3.2-1b", False),
    ],
)
def test_models_that_reason_are_told_by_their_names(model: str, reasons: bool) -> None:
    assert reasons_first(model) is reasons


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
