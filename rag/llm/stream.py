"""From a stream's bytes to chunks, and from chunks to a reply: text, reasoning, finish reason and token counts.

Written for the streams of OpenAI, Azure, vLLM, llama.cpp, Ollama, LM Studio, OpenRouter, DeepSeek, Mistral, Groq,
TGI and the compatible endpoints of Anthropic and Gemini, which all differ. A conforming parser of server-sent events,
as httpx-sse has, joins the events of servers that leave out the empty line, bounds no line, and drops what is no event.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rag.llm.reply import PrintableStream
from rag.llm.usage import ReplyTiming

MAX_LINE = 1 << 20  # bytes
MAX_STREAM = 64 << 20  # bytes
MAX_TOKENS_SETTING = "CITEDESK_LLM_MAX_TOKENS"
"""What limits the length of a reply, unless a step allows less."""

_HEAD = 2000  # bytes kept of a response that is no event stream
_COUNTS = ("prompt_tokens", "completion_tokens")
_CUTS = {
    **dict.fromkeys(("length", "max_tokens", "model_length"), "it reached {}"),
    **dict.fromkeys(("content_filter", "safety", "recitation"), "its content filter stopped it"),
}
_FAILURES = ("error", "abort", "insufficient_system_resource")


class StreamError(ValueError):
    """A stream that cannot be read as chat completion chunks."""


class NotAStream(StreamError):
    """A response without any event; `head` is how it began."""

    def __init__(self, head: str) -> None:
        super().__init__("not a stream")
        self.head = head


class ErrorEvent(StreamError):
    """An error that the server sent as an event; `body` is its JSON."""

    def __init__(self, body: Any) -> None:
        super().__init__("error event")
        self.body = body


class LeakedReasoning(StreamError):
    """A closing tag without an opening one: what had been shown as answer was reasoning."""


@dataclass(frozen=True, slots=True)
class ReplyChunk:
    """One event of a stream: printable text and reasoning, both "" where it has none."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class StreamDecoder:
    """Decodes a response body, however it is cut into pieces, into the chunks of its first choice."""

    def __init__(self) -> None:
        self.done = False
        self._line = bytearray()
        self._size = 0
        self._head = b""
        self._event = ""
        self._any_event = False
        self._finished = False
        self._text = PrintableStream()
        self._reasoning = PrintableStream()

    def feed(self, data: bytes) -> Iterator[ReplyChunk]:
        """Yield the chunks that are complete with these bytes; raises StreamError."""
        self._size += len(data)
        searched = len(self._line)
        self._line += data
        while (end := self._line.find(b"\n", searched)) >= 0 and not self.done:
            line = bytes(self._line[:end])
            del self._line[: end + 1]
            searched = 0
            yield from self._read_line(line.rstrip(b"\r"))
        if len(self._line) > MAX_LINE:
            raise StreamError(f"a line of more than {MAX_LINE >> 20} MiB")
        if self._size > MAX_STREAM:
            raise StreamError(f"more than {MAX_STREAM >> 20} MiB for one answer")

    def end(self) -> Iterator[ReplyChunk]:
        """Yield what the end of the response completes; raises NotAStream if nothing of it was an event."""
        if self.done:
            return
        try:
            yield from self._read_line(bytes(self._line))
        except ErrorEvent:
            raise
        except StreamError:  # half an event: the response was cut
            return
        if not self._any_event:
            raise NotAStream(self._head.decode("utf-8", "replace"))

    def _read_line(self, line: bytes) -> Iterator[ReplyChunk]:
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        value = value.strip()
        if name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"data" and value:
            self._any_event = True
            yield from self._read_data(value)
            self._event = ""
        elif name not in (b"", b"data", b"id", b"retry") and len(self._head) < _HEAD:
            self._head += line[:_HEAD] + b"\n"

    def _read_data(self, value: bytes) -> Iterator[ReplyChunk]:
        if value.startswith(b"[DONE]"):
            self.done = True
            if not self._finished:  # a server that says it is done has not broken off
                yield ReplyChunk(finish_reason="stop")
            return
        try:
            body = json.loads(value, strict=False)
        except (ValueError, RecursionError):
            raise StreamError(f"not JSON: {value[:80].decode('utf-8', 'replace')}") from None
        if not isinstance(body, dict):
            raise StreamError(f"not a chunk: {value[:80].decode('utf-8', 'replace')}")
        if body.get("error") or self._event == "error" or body.get("object") == "error":
            raise ErrorEvent(body)
        yield self._chunk(body)

    def _chunk(self, body: dict[str, Any]) -> ReplyChunk:
        prompt_tokens, completion_tokens = _token_counts(body)
        choices = body.get("choices")
        if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
            return ReplyChunk("", "", None, prompt_tokens, completion_tokens)
        choice = choices[0]
        reason = choice.get("finish_reason")
        self._finished = self._finished or bool(reason)
        delta = choice.get("delta", choice.get("message"))
        if not isinstance(delta, dict):
            delta = {"content": choice.get("text")}
        text, reasoning = _text_and_reasoning(delta.get("content"))
        for name in ("reasoning_content", "reasoning"):
            if isinstance(delta.get(name), str) and not reasoning:
                reasoning = delta[name]
        return ReplyChunk(
            self._text.feed(text),
            (self._reasoning.feed(reasoning) or " ") if reasoning else "",
            str(reason) if reason else None,
            prompt_tokens,
            completion_tokens,
        )


def _text_and_reasoning(content: Any) -> tuple[str, str]:
    """Split a delta's content; Mistral sends a list of typed parts."""
    if isinstance(content, str):
        return content, ""
    text = reasoning = ""
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            text += part["text"]
        elif isinstance(part, dict) and "thinking" in part:
            inner = part["thinking"]
            reasoning += inner if isinstance(inner, str) else _text_and_reasoning(inner)[0]
    return text, reasoning


def _token_counts(body: dict[str, Any]) -> tuple[int, int] | tuple[None, None]:
    """Return the counts of prompt and completion, both or none; Groq sends them in a member of its own."""
    groq = body.get("x_groq")
    usage = body.get("usage") or (groq.get("usage") if isinstance(groq, dict) else None)
    if not isinstance(usage, dict):
        return None, None
    prompt, completion = (usage.get(name) for name in _COUNTS)
    valid = type(prompt) is int and type(completion) is int and prompt >= 0 and completion >= 0
    return (prompt, completion) if valid else (None, None)


class ReplyReader:
    """Reads the chunks of one reply and keeps what is known of it so far.

    `hold_back` withholds text until it is known not to be reasoning; `limit` names what bounds the reply's length.
    """

    def __init__(self, hold_back: bool, limit: str = MAX_TOKENS_SETTING) -> None:
        self.limit = limit
        self.finish_reason: str | None = None
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self.alive = False
        self.repeating = False
        self.has_text = False
        self._filter = ReasoningFilter(hold_back)
        self._text_repetition = RepetitionDetector()
        self._reasoning_repetition = RepetitionDetector()
        self._chunks = 0
        self._first: float | None = None
        self._last: float | None = None

    @property
    def reasoned(self) -> bool:
        """Whether the reply held reasoning."""
        return self._filter.reasoned

    @property
    def cut(self) -> str | None:
        """Why the endpoint ended the reply early, in words; None if it did not."""
        cut = _CUTS.get((self.finish_reason or "").casefold())
        return cut.format(self.limit) if cut else None

    @property
    def failure(self) -> str | None:
        """The finish reason if it means that the endpoint failed."""
        return self.finish_reason if (self.finish_reason or "").casefold() in _FAILURES else None

    def feed(self, chunk: ReplyChunk, at: float) -> str:
        """Return the answer's text that a chunk completes; raises LeakedReasoning.

        Sets `alive` to whether the chunk held text or reasoning. `at` is its time of arrival on a monotonic clock.
        """
        if chunk.prompt_tokens is not None:
            self.prompt_tokens, self.completion_tokens = chunk.prompt_tokens, chunk.completion_tokens
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.alive = bool(chunk.text or chunk.reasoning)
        if self.alive:
            self._chunks += 1
            self._first, self._last = at if self._first is None else self._first, at
        if chunk.reasoning:
            self._filter.expect_separate_reasoning()
            self.repeating = self._reasoning_repetition.feed(chunk.reasoning) or self.repeating
        if not chunk.text:
            return ""
        self.repeating = self._text_repetition.feed(chunk.text) or self.repeating
        return self._note(self._filter.feed(chunk.text))

    def flush(self) -> str:
        """Return the text that was held back, at the end of the reply; raises LeakedReasoning."""
        return self._note(self._filter.flush())

    def timing(self, started: float) -> ReplyTiming:
        """Return how fast the reply came after the time at which it was requested."""
        first, last = (None if at is None else at - started for at in (self._first, self._last))
        return ReplyTiming(first, last, self._chunks, self.completion_tokens, self.reasoned)

    def _note(self, text: str) -> str:
        self.has_text = self.has_text or bool(text.strip())
        return text


_REASONING_TAGS = ("think", "thinking", "thought", "reasoning")
_TAG = re.compile(rf"<(/?)({'|'.join(_REASONING_TAGS)})>", re.IGNORECASE)
_TAGS = tuple(f"<{slash}{name}>" for slash in ("", "/") for name in _REASONING_TAGS)
_LONGEST_TAG = max(map(len, _TAGS))
_REASONING_MODELS = re.compile(
    r"(?:^|[^a-z0-9])(?:r1|qwq|qvq|think(?:ing|er)|reason(?:ing|er)|magistral)(?![a-z])", re.IGNORECASE
)


def reasons_first(model: str) -> bool:
    """Return whether a model's name says that it reasons first, and so may start inside a block its prompt opened."""
    return bool(_REASONING_MODELS.search(model))


class ReasoningFilter:
    """Passes the answer on and drops `<think>` blocks, which may be split across pieces or never end.

    A block opens at the start of the reply or of a line, since an answer may well mention `<think>` tags. With
    `inside`, text is held back until a block opens or closes, or the reply ends without one.
    """

    def __init__(self, inside: bool = False) -> None:
        self.reasoned = False
        self._inside = inside
        self._held = ""
        self._block: str | None = None
        self._line_start = True
        self._trim = False
        self._mentioned = False
        self._emitted_text = False

    def expect_separate_reasoning(self) -> None:
        """Hold nothing back from now on: the server sends reasoning in a field of its own."""
        self._inside = False
        self.reasoned = True

    def feed(self, text: str) -> str:
        """Return the answer's text that is certain with this piece; raises LeakedReasoning."""
        self._held += text
        return "".join(iter(lambda: self._step(final=False), None))

    def flush(self) -> str:
        """Return what was held back, at the end of the reply; raises LeakedReasoning."""
        text = "".join(iter(lambda: self._step(final=True), None))
        self._inside = False
        return text + "".join(iter(lambda: self._step(final=True), None))

    def _step(self, final: bool) -> str | None:
        """Consume the held text up to its next tag; None if nothing more can be decided."""
        if not self._held:
            return None
        if self._block or self._inside:
            return self._skip_block()
        found = _TAG.search(self._held)
        if not found:
            return self._emit_before(len(self._held) if final else _start_of_tag(self._held))
        if found.start():
            return self._emit_before(found.start())
        self._held = self._held[found.end() :]
        return self._at_tag(found)

    def _skip_block(self) -> str | None:
        for found in _TAG.finditer(self._held):
            closes, name = bool(found.group(1)), found.group(2).lower()
            opens = not closes and self._inside and not self._held[: found.start()].strip()
            if opens or (closes and self._block in (name, None)):
                self._held = self._held[found.end() :]
                self._inside, self._block = False, name if opens else None
                self.reasoned = self._trim = True
                return ""
        if self._block:
            self._held = self._held[-_LONGEST_TAG:]
        return None

    def _at_tag(self, tag: re.Match[str]) -> str:
        if not tag.group(1) and self._line_start:
            self._block, self.reasoned = tag.group(2).lower(), True
            return ""
        if tag.group(1) and not self._mentioned:
            if self._emitted_text:
                raise LeakedReasoning(tag.group())
            self.reasoned = self._trim = True
            return ""
        self._mentioned = True
        return self._emit(tag.group())

    def _emit_before(self, end: int) -> str | None:
        text, self._held = self._held[:end], self._held[end:]
        return self._emit(text) if text else None

    def _emit(self, text: str) -> str:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        line = text.rpartition("\n")
        self._line_start = not line[2].strip() and (bool(line[1]) or self._line_start)
        self._emitted_text = self._emitted_text or bool(text.strip())
        return text


def _start_of_tag(text: str) -> int:
    """Return where a tag that is still incomplete may begin, else the length."""
    start = text.rfind("<", max(len(text) - _LONGEST_TAG, 0))
    tail = text[start:].lower()
    return start if start >= 0 and any(tag.startswith(tail) for tag in _TAGS) else len(text)


_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,24}")
_MAX_WORD = 24  # characters; a longer run is read as several words
_MAX_BLOCK = 120  # words
_MIN_COPIES = 3  # of a block after its first
_MIN_COPIED_WORDS = 40  # a table may well say "yes" in a dozen cells
_MAX_WORDLESS = 1500  # characters without a word: the ruler under a wide table has some hundreds


class RepetitionDetector:
    """Follows a text as it grows and detects that it ends in one block of words over and over.

    A block has 1 to 120 words; its copies must be adjacent, three or more after the first, and hold forty words or
    more. Only words are compared: blocks that differ in a number or a name are no copies.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._position = 0
        self._positions: defaultdict[str, deque[int]] = defaultdict(deque)
        self._runs: dict[int, int] = {}
        self._wordless = 0

    def feed(self, text: str) -> bool:
        """Return whether the text repeats itself within this piece."""
        self._rest += text
        end = read = 0
        repeating = False
        for match in _WORD.finditer(self._rest):
            end = match.start()
            if match.end() == len(self._rest) and len(match.group()) < _MAX_WORD:
                break  # the word may go on
            repeating = self._read_word(match.group().casefold()) or repeating
            read = end = match.end()
        self._wordless = len(self._rest) - read if end else self._wordless + len(text)
        self._rest = self._rest[end:]
        return repeating or self._wordless > _MAX_WORDLESS

    def _read_word(self, word: str) -> bool:
        """Add a word; `_runs` counts for each block length how many words in a row equal those one block before."""
        seen = self._positions[word]
        while seen and self._position - seen[0] > _MAX_BLOCK:
            seen.popleft()
        self._runs = {block: self._runs.get(block, 0) + 1 for block in (self._position - at for at in seen)}
        seen.append(self._position)
        self._position += 1
        return any(run >= max(_MIN_COPIED_WORDS, _MIN_COPIES * block) for block, run in self._runs.items())
