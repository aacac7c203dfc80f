"""Turns what servers call an event stream into one that every client can read (pure).

Written for the streams of OpenAI, Azure, vLLM, llama.cpp, Ollama, LM Studio, OpenRouter, DeepSeek, Mistral, Groq,
TGI and the compatible addresses of Anthropic and Gemini, which all differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from rag.llm.plain import Joiner

LONGEST_LINE = 1 << 20  # bytes
LARGEST_STREAM = 64 << 20  # bytes
_HEAD = 2000  # bytes kept of what is no event
_DONE = b"data: [DONE]\n\n"
_COUNTS = ("prompt_tokens", "completion_tokens")


class BadStream(ValueError):
    """What was sent cannot be read as a stream of chat chunks."""


class NotAStream(BadStream):
    """What was sent held no event at all; `head` is how it began."""

    def __init__(self, head: str) -> None:
        super().__init__("not a stream")
        self.head = head


class Frames:
    """Reads a stream's bytes, and gives sound frames: one choice, text that can be printed, whole counts or none."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._size = 0
        self._head = b""
        self._event = ""
        self._any = False
        self._finished = False
        self._text = Joiner()
        self._thought = Joiner()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the frames that are complete with these bytes; raises BadStream."""
        self._size += len(data)
        self._line += data
        searched = max(len(self._line) - len(data), 0)
        while (end := self._line.find(b"\n", searched)) >= 0:
            line = bytes(self._line[:end])
            del self._line[: end + 1]
            searched = 0
            yield from self._read(line.rstrip(b"\r"))
        if len(self._line) > LONGEST_LINE:
            raise BadStream(f"a line of more than {LONGEST_LINE >> 20} MiB")
        if self._size > LARGEST_STREAM:
            raise BadStream(f"more than {LARGEST_STREAM >> 20} MiB for one answer")

    def end(self) -> Iterator[bytes]:
        """Give what the stream's end completes; raises NotAStream where nothing of it was an event."""
        with suppress(BadStream):  # half a frame is the end of a stream that was cut
            yield from self._read(bytes(self._line))
        if not self._any and not self._line.startswith(b"data:"):
            raise NotAStream(self._head.decode("utf-8", "replace"))

    def _read(self, line: bytes) -> Iterator[bytes]:
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        value = value.strip()
        if name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"data" and value:
            yield from self._data(value)
            self._any, self._event = True, ""
        elif name not in (b"", b"data", b"id", b"retry") and len(self._head) < _HEAD:
            self._head += line[:_HEAD] + b"\n"

    def _data(self, value: bytes) -> Iterator[bytes]:
        if value.startswith(b"[DONE]"):
            if not self._finished:  # a server that says that it is done has not broken off
                yield _frame({"choices": [_choice({}, "stop")]})
            yield _DONE
            return
        try:
            chunk = json.loads(value, strict=False)
        except (ValueError, RecursionError):
            raise BadStream(f"no JSON: {value[:80].decode('utf-8', 'replace')}") from None
        if not isinstance(chunk, dict):
            raise BadStream(f"no chunk: {value[:80].decode('utf-8', 'replace')}")
        yield _frame(self._sound(chunk))

    def _sound(self, chunk: dict[str, Any]) -> dict[str, Any]:
        if error := chunk.get("error"):
            return {"error": error if isinstance(error, dict) else {"message": str(error)}}
        if self._event == "error" or chunk.get("object") == "error":
            return {"error": chunk}
        sound: dict[str, Any] = {"choices": [], "usage": _usage(chunk)}
        choices = chunk.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            sound["choices"] = [self._sound_choice(choices[0])]
        return sound

    def _sound_choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        reason = choice.get("finish_reason")
        self._finished = self._finished or bool(reason)
        delta = choice.get("delta", choice.get("message"))
        if not isinstance(delta, dict):
            delta = {"content": choice.get("text")}
        text, thought = _parts(delta.get("content"))
        for name in ("reasoning_content", "reasoning"):
            if isinstance(delta.get(name), str) and not thought:
                thought = delta[name]
        sound = {"content": self._text.feed(text)}
        if thought:
            sound["reasoning_content"] = self._thought.feed(thought) or " "
        return _choice(sound, str(reason) if reason else None)


def _parts(content: Any) -> tuple[str, str]:
    """Split a delta's content into text and reasoning; Mistral sends a list of typed parts."""
    if isinstance(content, str):
        return content, ""
    text = thought = ""
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            text += part["text"]
        elif isinstance(part, dict) and "thinking" in part:
            inner = part["thinking"]
            thought += inner if isinstance(inner, str) else _parts(inner)[0]
    return text, thought


def _usage(chunk: dict[str, Any]) -> dict[str, int] | None:
    groq = chunk.get("x_groq")
    usage = chunk.get("usage") or (groq.get("usage") if isinstance(groq, dict) else None)
    if not isinstance(usage, dict):
        return None
    counts = {name: usage.get(name) for name in _COUNTS}
    known = {name: count for name, count in counts.items() if type(count) is int and count >= 0}
    return {**known, "total_tokens": sum(known.values())} if len(known) == len(_COUNTS) else None


def _choice(delta: dict[str, str], reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}


def _frame(chunk: dict[str, Any]) -> bytes:
    if "error" not in chunk:
        chunk = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": "", "usage": None, **chunk}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
