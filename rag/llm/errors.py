"""From what can go wrong with an endpoint to LLMFailed: one plain line with the address, the cause and the remedy.

A server's own words are quoted; the API key never is.
"""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import httpx

from rag.errors import ContextOverflow, LLMFailed, OnlyReasoning
from rag.llm.addresses import PrivateAddress
from rag.llm.reasoning import LeakedReasoning
from rag.llm.reply import excerpt, is_web_page
from rag.llm.stream import MAX_TOKENS_SETTING, ErrorEvent, NotAStream, StreamError
from rag.settings import Settings
from rag.text.links import is_loopback

Phase = Literal["connection", "first token", "next token", "whole answer", "end"]
"""What a request waits for; "end" is for the token counts that may follow a complete answer."""

_LENGTHS = ("max_tokens", "max_completion_tokens")
OPTIONAL_PARAMETERS = ("stream_options", "stream", "response_format", "top_p", "temperature", *_LENGTHS)
"""Parameters that a request can do without, or under another name."""

_BODY_CHARACTERS = 10_000  # of an error that are searched
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
_NO_SYSTEM_ROLE = re.compile(
    r"(?:system|developer)\W{0,4}(?:role|message|prompt|instruction)|roles?\b[^.]{0,80}(?:system|alternate|user/assistant)"
    r"|(?:only|first message|must)[^.]{0,60}\buser\b[^.]{0,20}\brole",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"too large|at most|must be (?:less|lower|below)|less than or equal|exceeds", re.IGNORECASE)
_TIMEOUTS: dict[Phase, tuple[str, str]] = {
    "connection": ("could not be reached within {:g} s ({}): check CITEDESK_LLM_BASE_URL", "llm_connect_timeout"),
    "first token": ("sent no token within {:g} s ({})", "llm_first_token_timeout"),
    "next token": ("sent nothing for {:g} s ({})", "llm_timeout"),
    "whole answer": ("had not finished after {:g} s ({})", "llm_total_timeout"),
}
_STATUSES = {
    401: "rejected the API key ({status}): {key}",
    402: "requires payment ({said}): check the account that CITEDESK_LLM_API_KEY belongs to",
    403: "denied access ({said}): is CITEDESK_LLM_API_KEY allowed to use this model?",
    408: "timed out while waiting for the request ({said}); try again",
    502: "is behind a gateway that cannot reach it ({said}); is the server itself running?",
    503: "is not ready ({said}); its model may still be loading, try again later",
    504: "is behind a gateway that timed out while waiting for it ({said}); try again, or see the server's log",
}


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error that a server sent, as an HTTP status or, where `streamed`, as an event whose code stands for one.

    `message` is the sentence in it and `body` the whole; `retry_after` is in seconds; `location` is a redirect's.
    """

    status: int | None
    message: str
    body: str = ""
    retry_after: float | None = None
    location: str | None = None
    streamed: bool = False

    @classmethod
    def from_http(cls, status: int, headers: httpx.Headers, text: str) -> ServerError:
        """Read a response with a status other than success."""
        body = parse_json(text)
        retry_after = _retry_seconds(headers.get("retry-after"))
        return _error_response(status, text.strip() if body is None else body, retry_after, headers.get("location"))

    @property
    def label(self) -> str:
        """The status as it is shown."""
        name = "error in its stream" if self.streamed else "HTTP"
        return f"{name} {self.status}" if self.status else name

    @property
    def is_overflow(self) -> bool:
        """Whether the request exceeded the model's context window."""
        return self.status == 413 or (self.status not in (401, 403, 404, 429) and bool(_OVERFLOW.search(self.body)))

    @property
    def context_window(self) -> int | None:
        """The context window in tokens, if the body names it."""
        match = _WINDOW.search(self.body)
        return int(next(group for group in match.groups() if group)) if match else None

    @property
    def rejects_system_role(self) -> bool:
        """Whether the model's chat template knows no system messages, or wants the user's first."""
        rejecting = self.status in (400, 422, 500, 501, None) and not self.is_overflow
        return rejecting and bool(_NO_SYSTEM_ROLE.search(self.body))

    def rejected_parameter(self, sent: Collection[str]) -> str | None:
        """Return the optional parameter that was sent and is not supported, if that is the error."""
        if self.status not in (400, 422, 501) or self.is_overflow:
            return None
        words = {"stream": "stream(?:ing|ed)?"}
        found = (
            (re.search(rf"(?<!\w){words.get(name, name)}(?!\w)", self.body, re.IGNORECASE), name)
            for name in OPTIONAL_PARAMETERS
            if name in sent
        )
        named = [(match.start(), name) for match, name in found if match]
        name = min(named)[1] if named else None
        return None if name in _LENGTHS and _TOO_LARGE.search(self.body) else name


class HTTPStatusError(Exception):
    """A response with a status other than success."""

    def __init__(self, response: ServerError) -> None:
        super().__init__(response.label)
        self.response = response


REQUEST_ERRORS = (
    HTTPStatusError,
    StreamError,
    httpx.HTTPError,
    httpx.InvalidURL,
    OSError,
    ValueError,
    RuntimeError,
    ImportError,
)
"""What a request may raise: httpx over addresses, proxies and connections, and we over what a server sends."""


def error_response(error: Exception) -> ServerError | None:
    """Return the error that the server sent; None for an exception of another cause."""
    if isinstance(error, HTTPStatusError):
        return error.response
    body = error.body if isinstance(error, ErrorEvent) else None
    if isinstance(error, NotAStream):
        body = parse_json(error.head)
        if not (isinstance(body, dict) and (body.get("error") or body.get("object") == "error")):
            return None
    return None if body is None else _error_response(None, body)


def endpoint_address(settings: Settings) -> str:
    """Return the endpoint's address without user, password and query, which may be secret."""
    parts = urlsplit(settings.llm_base_url or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, slots=True)
class EndpointErrors:
    """Makes the LLMFailed of one endpoint."""

    settings: Settings

    def failed(self, what: str) -> LLMFailed:
        """Return the error that says this of the endpoint."""
        return LLMFailed(self._sentence(what))

    def timed_out(self, phase: Phase) -> LLMFailed:
        """Return the error for a part of a request that took too long."""
        text, name = _TIMEOUTS[phase]
        proxy = _proxy_variable(self.settings) if phase == "connection" else None
        said = text.format(getattr(self.settings, name), f"CITEDESK_{name.upper()}")
        return self.failed(f"{said} and {proxy}, the proxy before it" if proxy else said)

    def from_exception(self, error: Exception, responded: bool = True) -> LLMFailed:
        """Return the error for what a request raised, before or after its response began; LLMFailed is kept."""
        if isinstance(error, LLMFailed):
            return error
        if response := error_response(error):
            kind = ContextOverflow if response.is_overflow else LLMFailed
            return kind(self._sentence(self._of_response(response)))
        if isinstance(error, LeakedReasoning):
            return self.failed(f"sent reasoning as its answer (it ended in {error}): ask again, now that this is known")
        if isinstance(error, StreamError):
            return self.failed(self._of_stream(error))
        if isinstance(error, httpx.TimeoutException):
            return self.timed_out("connection" if isinstance(error, httpx.ConnectTimeout) else "next token")
        return self.failed(self._of_transport(error, responded))

    def gave_up(self, finish_reason: str) -> LLMFailed:
        """Return the error for an answer that the server ended with a failure."""
        return self.failed(f"gave up on the answer (finish reason: {excerpt(finish_reason)}); see the server's log")

    def broke_off(self) -> LLMFailed:
        """Return the error for a stream that ended before its answer."""
        return self.failed("broke off before the end of the answer; see the server's log")

    def repeated(self) -> LLMFailed:
        """Return the error for a model that repeats itself."""
        model = self.settings.llm_model
        return self.failed(f"was stopped because its model {model} kept repeating itself; try a larger model")

    def only_reasoning(self, limit: str) -> OnlyReasoning:
        """Return the error for reasoning without an answer; `limit` names what bounds the answer itself."""
        room = f"raise CITEDESK_LLM_REASONING_TOKENS ({self.settings.llm_reasoning_tokens}) and CITEDESK_LLM_CONTEXT"
        step = "" if limit == MAX_TOKENS_SETTING else f" within {limit}"
        remedy = f"{step} and no answer: {room} ({self.settings.llm_context}), or turn off thinking"
        return OnlyReasoning(self._sentence(f"sent only reasoning{remedy}"))

    def empty(self, cut: str | None) -> LLMFailed:
        """Return the error for an answer without text."""
        why = f" ({cut})" if cut else "; does CITEDESK_LLM_MODEL name a chat model?"
        return self.failed(f"sent an empty answer{why}")

    def declined(self, refusal: str) -> LLMFailed:
        """Return the error for an answer that the model declined to give, in its own words."""
        said = excerpt(refusal, self.settings.llm_api_key)
        return self.failed(f"says that its model {self.settings.llm_model} declines to answer: {said.rstrip('.')}")

    def called_tool(self) -> LLMFailed:
        """Return the error for a model that called a tool instead of answering."""
        return self.failed("sent a call of a tool and no answer: turn off its tools, or set another CITEDESK_LLM_MODEL")

    def cancelled(self) -> LLMFailed:
        """Return the error for a request that was cancelled from this side."""
        return self.failed("was cancelled before the end of the answer")

    def _sentence(self, what: str) -> str:
        return f"The endpoint {endpoint_address(self.settings)} {what}" + ("" if what.endswith("?") else ".")

    def _of_transport(self, error: Exception, responded: bool) -> str:
        causes, proxy = tuple(_causes(error)), _proxy_variable(self.settings)
        for cause in causes:
            if isinstance(cause, ssl.SSLError) and cause is not error:
                reason = _tls_reason(cause)
                if isinstance(cause, ssl.SSLCertVerificationError) and (name := _certificates()):
                    return f"could not be reached over trusted TLS ({reason}): check the certificates of {name}"
                return f"could not be reached over trusted TLS ({reason}): http or https in CITEDESK_LLM_BASE_URL?"
            if isinstance(cause, PrivateAddress):
                return f"is not called: {cause}, and this server calls no others for a session"
            if isinstance(cause, socket.gaierror) and not proxy:
                return "has a host name that cannot be resolved (DNS): check CITEDESK_LLM_BASE_URL and the network"
            if isinstance(cause, ConnectionRefusedError) and not proxy:
                remedy = "is the server running, on the port in CITEDESK_LLM_BASE_URL?"
                return f"cannot be reached (connection refused): {remedy}"
        if isinstance(error, OSError) and (name := _certificates()):  # raised before anything was sent
            there = Path(os.environ[name]).exists()
            what = "holds no certificates that can be read" if there else "is not there"
            return f"cannot be asked: {name} names {os.environ[name]}, which {what}"
        if isinstance(error, ImportError):
            return f"cannot be asked: {proxy} names a SOCKS proxy, for which the package socksio is missing"
        reason = excerpt(str(causes[-1]).split(":")[0] or type(causes[-1]).__name__, self.settings.llm_api_key)
        if proxy and not responded and isinstance(error, httpx.TransportError):
            return f"cannot be reached by the proxy of {proxy} ({reason}): check it, or name the host in NO_PROXY"
        if isinstance(error, httpx.ConnectError):
            return f"cannot be reached ({reason}): check CITEDESK_LLM_BASE_URL"
        if not responded and isinstance(error, httpx.TransportError | OSError):
            return f"sent no HTTP response ({reason}): is CITEDESK_LLM_BASE_URL the address of an HTTP server?"
        if isinstance(error, httpx.TransportError | OSError):
            return f"broke off before the end of the answer ({reason}); see the server's log"
        names = ", ".join(["CITEDESK_LLM_BASE_URL", *_proxy_variables()])
        return f"cannot be asked ({reason}): check the environment's {names}"

    def _of_stream(self, error: StreamError) -> str:
        key = self.settings.llm_api_key
        if not isinstance(error, NotAStream):
            return f"sent a response that cannot be read: {excerpt(str(error), key)}"
        if not error.head.strip():
            return "sent an empty stream; see the server's log"
        head, remedy = excerpt(error.head, key), "does CITEDESK_LLM_BASE_URL end in /v1?"
        if is_web_page(error.head):
            return f"sent {head}, not an answer: {remedy}"
        return f"did not send its answer as a stream ({head}): {remedy}"

    def _of_response(self, response: ServerError) -> str:
        settings, label, status = self.settings, response.label, response.status or 0
        if response.is_overflow:
            return self._of_overflow(response)
        said = ": ".join(filter(None, (label, excerpt(response.message, settings.llm_api_key))))
        if status in _STATUSES:
            key = f"{'check' if settings.llm_api_key else 'set'} CITEDESK_LLM_API_KEY"
            return _STATUSES[status].format(said=said, status=label, key=key)
        if self._lacks_model(response):
            return f"has no model {settings.llm_model!r} ({label}): check CITEDESK_LLM_MODEL"
        if status == 404 and "model" in response.body.lower():
            return f"has no such address or model ({said}): check CITEDESK_LLM_BASE_URL and CITEDESK_LLM_MODEL"
        if status == 404:
            return f"has nothing at this address ({label}): check CITEDESK_LLM_BASE_URL, which often ends in /v1"
        if status == 429 and response.retry_after is not None:
            return f"is limiting its requests ({label}): try again in {response.retry_after:.0f} s"
        if status == 429 and "quota" in response.body.lower():
            return f"says that the quota is used up ({said})"
        if status == 429:
            return f"is limiting its requests ({said}): try again later"
        if status == 407:
            proxy = _proxy_variable(settings) or "the environment"
            return f"is behind a proxy that asks for a login ({label}): put user:password@ into the URL of {proxy}"
        if response.location is not None or 300 <= status < 400:
            return _of_redirect(response)
        if status >= 500:
            return f"failed ({said}); see the server's log"
        return f"rejected the request ({said})" + (f": lower {MAX_TOKENS_SETTING}" * ("max_tokens" in response.body))

    def _of_overflow(self, response: ServerError) -> str:
        window, context = response.context_window, self.settings.llm_context
        value = window if window and window < context else "what its model holds"
        return (
            f"was sent more than its model's context window holds ({response.label}): "
            f"set CITEDESK_LLM_CONTEXT ({context}) to {value}"
        )

    def _lacks_model(self, response: ServerError) -> bool:
        body, name = response.body.lower(), (self.settings.llm_model or "").lower()
        named = "model" in body and (name in body or "no model" in body)
        missing = named and ("not found" in body or "not exist" in body)
        return response.status in (400, 404, None) and (
            "model_not_found" in body or "not a valid model" in body or missing
        )


def _of_redirect(response: ServerError) -> str:
    to = urlsplit(response.location or "")
    target = f" to {to.scheme}://{to.netloc.rpartition('@')[2]}" if to.netloc else ""
    remedy = "set CITEDESK_LLM_BASE_URL to the final address"
    return f"redirects{target} ({response.label}), which is not followed: {remedy}"


def _error_response(
    status: int | None, body: Any, retry_after: float | None = None, location: str | None = None
) -> ServerError:
    streamed = status is None
    if isinstance(body, Mapping) and body.get("error"):
        body = body["error"]
    whole = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    code = str(body.get("code", body.get("status"))) if isinstance(body, Mapping) else ""
    if status is None and re.fullmatch(r"[1-9]\d\d", code, re.ASCII):
        status = int(code)
    return ServerError(status, _message(body), whole[:_BODY_CHARACTERS], retry_after, location, streamed)


def parse_json(text: str) -> Any:
    """Return the JSON of a server, None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _message(body: Any) -> str:
    """Return the sentence in an error; OpenRouter keeps its provider's in the metadata."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(_message, body[:3])))
    if not isinstance(body, Mapping):
        return ""
    metadata = body.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    for value in (raw if isinstance(raw, str) else None, body.get("message"), body.get("detail"), body.get("msg")):
        if message := _message(value):
            return message
    return ""


def _retry_seconds(header: str | None) -> float | None:
    """Parse Retry-After, which is a number of seconds or a date."""
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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those it was raised from."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return excerpt(error.verify_message)
    return excerpt((error.reason or str(error)).replace("_", " ").lower())


def _certificates() -> str | None:
    """Return the variable that names a file or folder of certificates, as httpx 0.28 reads them."""
    return next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)


def _proxy_variable(settings: Settings) -> str | None:
    """Return the variable that names the proxy by which the endpoint is asked."""
    address = settings.llm_base_url or ""
    parts = urlsplit(address)
    if settings.llm_addresses == "public" or is_loopback(address) or proxy_bypass(parts.hostname or ""):
        return None
    return next((each for each in _proxy_variables() if each.lower() in (f"{parts.scheme}_proxy", "all_proxy")), None)


def _proxy_variables() -> list[str]:
    """Return the variables that say by which proxy an address is reached, of those that are set."""
    names = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")
    return [each for name in names for each in (name, name.upper()) if os.environ.get(each)]
