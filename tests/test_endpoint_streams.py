from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag.llm.frames import BadStream, Frames, NotAStream
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
        assert (chat.spent.prompt_tokens, chat.spent.completion_tokens) == (
            wanted["prompt_tokens"],
            wanted["completion_tokens"],
        )


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_frames_do_not_depend_on_how_bytes_are_cut(path: Path) -> None:
    data = path.read_bytes()
    whole = framed([data])
    for size in (1, 2, 3, 5, 64):
        assert framed(pieces(data, size)) == whole
    held = any("reasoning_content" in choice["delta"] for chunk in whole for choice in chunk["choices"])
    assert held or expected(path)["reasoning"] in (False, "<think>" in data.decode())


def framed(parts: list[Any]) -> list[dict[str, Any]]:
    frames = Frames()
    sent = b"".join(frame for part in parts for frame in frames.feed(part)) + b"".join(frames.end())
    return [json.loads(line[6:]) for line in sent.split(b"\n\n") if line and line != b"data: [DONE]"]


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
def test_odd_chunk_is_made_an_empty_one(odd: dict[str, Any]) -> None:
    (sound,) = framed([b"data: " + json.dumps(odd).encode() + b"\n\n"])
    assert sound["usage"] is None
    assert all(not choice["delta"].get("content") for choice in sound["choices"])


def test_text_of_older_forms_is_taken_too() -> None:
    forms = [{"message": {"content": "Whole."}}, {"text": "Old."}, {"delta": {"content": "New."}, "text": "Old."}]
    sent = b"".join(b"data: " + json.dumps({"choices": [form]}).encode() + b"\n\n" for form in forms)
    assert [chunk["choices"][0]["delta"]["content"] for chunk in framed([sent])] == ["Whole.", "Old.", "New."]


def test_what_is_no_stream_is_kept_to_be_quoted() -> None:
    frames = Frames()
    assert list(frames.feed(b'{"error":\n "no"}')) == []
    with pytest.raises(NotAStream) as raised:
        list(frames.end())
    assert json.loads(raised.value.head) == {"error": "no"}


def test_line_without_end_takes_no_more_than_its_bound() -> None:
    frames = Frames()
    with pytest.raises(BadStream, match="a line of more than 1 MiB"):
        for _ in range(20):
            list(frames.feed(b"data: " + b"x" * 100_000))


def test_answer_without_end_takes_no_more_than_its_bound() -> None:
    frames = Frames()
    with pytest.raises(BadStream, match="more than 64 MiB for one answer"):
        for _ in range(700):
            list(frames.feed(b": " + b"ping" * 25_000 + b"\n"))


def test_deep_nesting_is_no_json() -> None:
    with pytest.raises(BadStream, match="no JSON"):
        list(Frames().feed(b"data: " + b"[" * 200_000 + b"\n\n"))
