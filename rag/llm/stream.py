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

from rag.llm.reasoning import ReasoningFilter
from rag.llm.reply import PrintableStream, printable
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
    **dict.fromkeys(("refusal",), "the model declined to go on"),
}
_FAILURES = ("error", "abort", "insufficient_system_resource")
_NOT_EARLY = frozenset(
    "stop end_turn eos eos_token end stop_sequence stop_token complete completed done finished success tool_calls"
    " tool_use function_call null none unknown finish_reason_unspecified".split()
).union(_FAILURES)
_REASONING = ("reason", "think")
"""How the names of fields begin in which reasoning comes apart: reasoning_content, thinking_blocks and so on."""


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


@dataclass(frozen=True, slots=True)
class ReplyChunk:
    """One event of a stream: printable text, reasoning and refusal, each "" where it has none."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    refusal: str = ""
    calls_tool: bool = False


class StreamDecoder:
    """Decodes a response body, however it is cut into pieces, into the chunks of its first choice.

    A body that is no stream of events, but one completion or one JSON object a line, is read as well; `whole` is set
    where it was one completion.
    """

    def __init__(self) -> None:
        self.done = False
        self.whole = False
        self._line = bytearray()
        self._after_return = False
        self._data = b""  # of an event that goes on in the next line
        self._size = 0
        self._body = bytearray()  # of a response without any event
        self._event = ""
        self._any_event = False
        self._finished = False
        self._text = PrintableStream()
        self._reasoning = PrintableStream()

    def feed(self, data: bytes) -> Iterator[ReplyChunk]:
        """Yield the chunks that are complete with these bytes; raises StreamError."""
        self._size += len(data)
        if data:
            data, self._after_return = data.removeprefix(b"\n") if self._after_return else data, data[-1:] == b"\r"
        begun, *more = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._line += begun
        for following in more:
            line, self._line = bytes(self._line), bytearray(following)
            if self.done:
                return
            if not line.startswith(b":") and (line or self._data):  # no comment, no end of an event that was read
                yield from self._read_line(line)
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
            yield from self._read_line(b"")
        except ErrorEvent:
            raise
        except StreamError:  # half an event: the response was cut
            return
        if self._any_event:
            return
        body = _completion(self._body)
        if body is None:
            raise NotAStream(self._body[:_HEAD].decode("utf-8", "replace"))
        self.whole = True
        yield self._chunk(body)
        if not self._finished:  # a whole reply has not broken off
            yield ReplyChunk(finish_reason="stop")

    def _read_line(self, line: bytes) -> Iterator[ReplyChunk]:
        line = line.removeprefix(b"\xef\xbb\xbf")
        name, _, value = line.partition(b":")
        value = value.strip()
        if name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"data" and value:
            self._any_event = True
            yield from self._read_data(self._data + value)
        elif not line and self._data:
            raise _not_json(self._data)
        elif (body := _completion(line)) and "delta" in body["choices"][0]:  # an event without its "data:"
            self._any_event = True
            yield self._chunk(body)
        elif name not in (b"", b"data", b"id", b"retry") and not self._any_event:
            self._body += line + b"\n"

    def _read_data(self, value: bytes) -> Iterator[ReplyChunk]:
        if value.startswith(b"[DONE]"):
            self.done = True
            if not self._finished:  # a server that says it is done has not broken off
                yield ReplyChunk(finish_reason="stop")
            return
        try:
            body = json.loads(value, strict=False)
        except ValueError:
            if not value.startswith(b"{"):
                raise _not_json(value) from None
            self._data = value + b"\n"
            return
        except RecursionError:
            raise _not_json(value) from None
        event, self._event, self._data = self._event, "", b""
        if body is None:
            return
        if not isinstance(body, dict):
            raise StreamError(f"not a chunk: {value[:80].decode('utf-8', 'replace')}")
        if body.get("error") or event == "error" or body.get("object") == "error":
            raise ErrorEvent(body)
        yield self._chunk(body)

    def _chunk(self, body: dict[str, Any]) -> ReplyChunk:
        prompt_tokens, completion_tokens = _token_counts(body)
        choices = body.get("choices")
        if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
            return ReplyChunk("", "", None, prompt_tokens, completion_tokens)
        choice = next((each for each in choices if isinstance(each, dict) and not each.get("index")), {})
        reason = choice.get("finish_reason")
        self._finished = self._finished or bool(reason)
        delta = choice.get("delta", choice.get("message"))
        if not isinstance(delta, dict):
            delta = {"content": choice.get("text")}
        text, reasoning, refusal = _read_content(delta.get("content"))
        for name, value in delta.items():
            if name.startswith(_REASONING) and not reasoning:
                reasoning = "".join(_read_content(value)[:2])
        if isinstance(delta.get("refusal"), str):
            refusal = delta["refusal"]
        return ReplyChunk(
            self._text.feed(text),
            (self._reasoning.feed(reasoning) or " ") if reasoning else "",
            str(reason) if reason else None,
            prompt_tokens,
            completion_tokens,
            printable(refusal),
            bool(delta.get("tool_calls") or delta.get("function_call")),
        )


def _not_json(value: bytes) -> StreamError:
    return StreamError(f"not JSON: {value[:80].decode('utf-8', 'replace')}")


def _completion(body: bytes | bytearray) -> dict[str, Any] | None:
    """Return the JSON of a completion, or of a chunk of one; None where a body is something else."""
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        found = json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return None
    choices = found.get("choices") if isinstance(found, dict) else None
    return found if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _read_content(content: Any) -> tuple[str, str, str]:
    """Split a delta's content into text, reasoning and refusal; some servers send a list of typed parts."""
    if isinstance(content, str):
        return content, "", ""
    text = reasoning = refusal = ""
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            text += part
        if not isinstance(part, dict):
            continue
        kind = str(part.get("type", ""))
        said = next((part[name] for name in ("text", "thinking", "reasoning", "refusal") if name in part), None)
        if isinstance(said, list):
            said = "".join(_read_content(said)[:2])
        if not isinstance(said, str):
            continue
        if "thinking" in part or "reasoning" in part or kind.startswith(("reason", "think")):
            reasoning += said
        elif "refusal" in part:
            refusal += said
        else:
            text += said
    return text, reasoning, refusal


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
        self.refusal = ""
        self.calls_tool = False
        self._filter = ReasoningFilter(hold_back)
        self._text = CumulativeText()
        self._reasoning = CumulativeText()
        self._separate_reasoning = ""
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
    def reasoning(self) -> str:
        """The reasoning so far, from fields of its own and from the text."""
        return "\n\n".join(filter(None, (self._separate_reasoning.strip(), self._filter.reasoning.strip())))

    @property
    def cut(self) -> str | None:
        """Why the endpoint ended the reply early, in words; None if it did not."""
        reason = (self.finish_reason or "").casefold()
        if self.refusal and self.has_text:
            return "the model declined to go on"
        if reason in _CUTS:
            return _CUTS[reason].format(self.limit)
        return f"the reason it gave is “{printable(reason[:40])}”" if reason and reason not in _NOT_EARLY else None

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
        self.alive = bool(chunk.text or chunk.reasoning or chunk.refusal or chunk.calls_tool)
        self.refusal += chunk.refusal
        self.calls_tool = self.calls_tool or chunk.calls_tool
        if self.alive:
            self._chunks += 1
            self._first, self._last = at if self._first is None else self._first, at
        if chunk.reasoning:
            self._filter.expect_separate_reasoning()
            self._read_reasoning(self._reasoning.feed(chunk.reasoning))
        return self._read_text(self._text.feed(chunk.text)) if chunk.text else ""

    def flush(self) -> str:
        """Return the text that was held back, at the end of the reply; raises LeakedReasoning."""
        self._read_reasoning(self._reasoning.flush())
        return self._read_text(self._text.flush()) + self._note(self._filter.flush())

    def _read_reasoning(self, new: str) -> None:
        self._separate_reasoning += new
        self.repeating = self._reasoning_repetition.feed(new) or self.repeating

    def _read_text(self, new: str) -> str:
        self.repeating = self._text_repetition.feed(new) or self.repeating
        return self._note(self._filter.feed(new))

    def timing(self, started: float) -> ReplyTiming:
        """Return how fast the reply came after the time at which it was requested."""
        first, last = (None if at is None else at - started for at in (self._first, self._last))
        return ReplyTiming(first, last, self._chunks, self.completion_tokens, self.reasoned)

    def _note(self, text: str) -> str:
        self.has_text = self.has_text or bool(text.strip())
        return text


_SURE_REPEAT = 8  # characters that do not come twice by chance at a text's beginning
_SURE_COPY = 40


class CumulativeText:
    """Turns texts of which each repeats all before it into the new parts; other texts pass unchanged.

    Some servers send with each event the reply so far, or send the whole reply once more at the end. The second text
    alone does not tell ("1", "10"), so one that repeats the first is held back until the third decides.
    """

    def __init__(self) -> None:
        self._seen = ""
        self._pieces = 0
        self._doubtful = ""
        self._cumulative = False

    def feed(self, text: str) -> str:
        """Return the new part of a text; "" where that is not known yet."""
        self._pieces += 1
        if self._doubtful:
            return self._decide(text)
        grown = len(text) > len(self._seen) and text.startswith(self._seen)
        if self._cumulative and (grown or self._seen.startswith(text)):
            return self._add(text[len(self._seen) :])
        if self._pieces == 2 and grown:
            self._doubtful = text
            return ""
        if len(text) >= _SURE_COPY and text.startswith(self._seen):
            return self._add(text[len(self._seen) :])
        return self._add(text)

    def flush(self) -> str:
        """Return what was held back, at the end."""
        text, self._doubtful = self._doubtful, ""
        return text[len(self._seen) :] if len(self._seen) >= _SURE_REPEAT else text

    def _decide(self, text: str) -> str:
        before, self._doubtful = self._doubtful, ""
        self._cumulative = text.startswith(before)
        return self._add(text[len(self._seen) :] if self._cumulative else before + text)

    def _add(self, new: str) -> str:
        self._seen += new
        return new


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
        if not _WORD.search(self._rest):
            self._rest = ""
            self._wordless += len(text)
            return self._wordless > _MAX_WORDLESS
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
