"""Reads what a server says when it refuses, as a status or as an error inside a stream, in the many forms in use."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import openai

from rag.llm.frames import NotAStream

_LENGTHS = ("max_tokens", "max_completion_tokens")
OPTIONAL = ("stream_options", "response_format", "top_p", "temperature", *_LENGTHS)
"""Parameters that a request can do without, or under another name."""

_OVERFLOW = re.compile(
    r"context.{0,3}length|maximum context|max(?:imum)? model length|context.{0,3}(?:size|window)|exceed_context_size"
    r"|too many (?:input )?tokens|(?:prompt|input|request) (?:is )?too (?:long|large)|maximum prompt length"
    r"|context the overflows|`?inputs`? tokens \+ `?max_new_tokens`?|tokens_limit_reached|longer than the maximum",
    re.IGNORECASE,
)
_WINDOW = re.compile(
    r"(?:context (?:length|size|window)|model length|context)\D{0,40}?(\d{3,8})|\((\d{3,8})(?: tokens)?\)|<= (\d{3,8})",
    re.IGNORECASE,
)
_MOST = 10_000  # characters of a server's words that are read
_TOO_MUCH = re.compile(r"too large|at most|must be (?:less|lower|below)|less than or equal|exceeds", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal: the HTTP status, or where it is `streamed` the code in its place, and the server's words.

    `retry_after` is in seconds, `location` where a redirect leads to.
    """

    status: int | None
    text: str
    body: str = ""
    retry_after: float | None = None
    location: str | None = None
    streamed: bool = False

    @property
    def overflows(self) -> bool:
        """Tell whether the request was too long for the model."""
        return self.status == 413 or (self.status not in (401, 403, 404, 429) and bool(_OVERFLOW.search(self.body)))

    @property
    def window(self) -> int | None:
        """The context window in tokens, where the server's words tell it."""
        for match in _WINDOW.finditer(self.body):
            return int(next(group for group in match.groups() if group))
        return None

    def parameter(self, sent: Collection[str]) -> str | None:
        """Name the optional parameter that was sent and that the server does not take, if that is what it refuses."""
        if self.status not in (400, 422, 501) or self.overflows:
            return None
        named = [(found.start(), name) for name in OPTIONAL if name in sent and (found := _mention(self.body, name))]
        name = min(named)[1] if named else None
        return None if name in _LENGTHS and _TOO_MUCH.search(self.body) else name


def refusal_of(error: Exception) -> Refusal | None:
    """Read an exception of the client as a refusal; None if it is something else."""
    if isinstance(error, openai.APIStatusError):
        headers = error.response.headers
        body = error.body if error.body is not None else error.response.text
        return _refusal(error.status_code, body, _seconds(headers.get("retry-after")), headers.get("location"))
    if isinstance(error, NotAStream):
        return _in_place_of_a_stream(error.head)
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
        return _refusal(None, error.body if error.body is not None else error.message)
    return None


def _in_place_of_a_stream(head: str) -> Refusal | None:
    try:
        body = json.loads(head)
    except (ValueError, RecursionError):
        return None
    if isinstance(body, dict) and (body.get("error") or body.get("object") == "error"):
        return _refusal(None, body)
    return None


def _refusal(status: int | None, body: Any, retry: float | None = None, location: str | None = None) -> Refusal:
    streamed = status is None
    if isinstance(body, Mapping) and body.get("error"):
        body = body["error"]
    whole = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    if isinstance(body, Mapping):
        code = body.get("code", body.get("status"))
        if status is None and re.fullmatch(r"[1-9]\d\d", str(code), re.ASCII):
            status = int(str(code))
    return Refusal(status, _words(body), whole[:_MOST], retry, location, streamed)


def _words(body: Any) -> str:
    """Find the sentence in an error; OpenRouter keeps its provider's in the metadata."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(_words, body[:3])))
    if not isinstance(body, Mapping):
        return ""
    metadata = body.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    for value in (raw if isinstance(raw, str) else None, body.get("message"), body.get("detail"), body.get("msg")):
        if words := _words(value):
            return words
    return ""


def _mention(body: str, name: str) -> re.Match[str] | None:
    return re.search(rf"(?<!\w){name}(?!\w)", body)


def _seconds(header: str | None) -> float | None:
    """Read Retry-After, which is a number of seconds or a date."""
    if not header:
        return None
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
