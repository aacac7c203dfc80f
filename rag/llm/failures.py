"""Says in one plain line what went wrong with an endpoint: what failed, and the remedy or the setting to look at."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import openai

from rag.errors import ContextOverflow, LLMFailed, OnlyReasoning
from rag.llm.deadlines import Awaited
from rag.llm.frames import BadStream, NotAStream
from rag.llm.plain import is_page, quoted
from rag.llm.reading import SETTING
from rag.llm.refusals import Refusal, refusal_of
from rag.llm.statuses import explain_refusal
from rag.llm.thoughts import ThoughtShown
from rag.settings import Settings

_OVERDUE: dict[Awaited, tuple[str, str]] = {
    "connection": ("could not be reached in {:g} s ({}): check CITEDESK_LLM_BASE_URL", "llm_connect_timeout"),
    "first token": ("sent no first token in {:g} s ({})", "llm_first_token_timeout"),
    "next token": ("sent nothing for {:g} s ({})", "llm_timeout"),
    "whole answer": ("was not done after {:g} s ({})", "llm_total_timeout"),
}


@dataclass(frozen=True, slots=True)
class Explainer:
    """Turns what can happen to a request into LLMFailed, with the address but never the key."""

    settings: Settings

    @property
    def where(self) -> str:
        """Name the endpoint by its address, without what may be secret in it."""
        parts = urlsplit(self.settings.llm_base_url or "")
        host = parts.netloc.rpartition("@")[2]
        return f"The endpoint {parts.scheme}://{host}{parts.path}"

    def failed(self, what: str) -> LLMFailed:
        """Give the error that says this of the endpoint."""
        return LLMFailed(_sentence(f"{self.where} {what}"))

    def overdue(self, awaited: Awaited) -> LLMFailed:
        """Say which part of a request took too long."""
        text, name = _OVERDUE[awaited]
        return self.failed(text.format(getattr(self.settings, name), f"CITEDESK_{name.upper()}"))

    def explain(self, error: Exception) -> LLMFailed:
        """Say what an exception of the client means; LLMFailed comes back as it is."""
        if isinstance(error, LLMFailed):
            return error
        if refusal := refusal_of(error):
            return self.refused(refusal)
        return self.failed(self._transport(error) or self._stream(error))

    def refused(self, refusal: Refusal) -> LLMFailed:
        """Say what a refusal by the server means."""
        kind = ContextOverflow if refusal.overflows else LLMFailed
        return kind(_sentence(f"{self.where} {explain_refusal(refusal, self.settings)}"))

    def ended(self, reason: str) -> LLMFailed:
        """Say that the server gave an answer up, with its own reason for the end."""
        return self.failed(f"gave the answer up (it says: {quoted(reason)}); look at the server's own log")

    def broke_off(self) -> LLMFailed:
        """Say that a stream ended before its end."""
        return self.failed("broke off before the answer's end; look at the server's own log")

    def looped(self) -> LLMFailed:
        """Say that the model got caught in a loop."""
        return self.failed(f"was stopped: its model {self.settings.llm_model} repeated itself; try a larger model")

    def only_reasoning(self, limit: str) -> OnlyReasoning:
        """Say that reasoning came and no answer; `limit` names what bounded it."""
        if limit == SETTING:
            remedy = f", and no answer: raise {limit} ({self.settings.llm_max_tokens}), or turn thinking off"
        else:
            remedy = f" within {limit}, and no answer: turn thinking off"
        return OnlyReasoning(_sentence(f"{self.where} sent only reasoning{remedy}"))

    def empty(self, cut: str | None) -> LLMFailed:
        """Say that no answer came."""
        why = f" ({cut})" if cut else "; does CITEDESK_LLM_MODEL name a chat model?"
        return self.failed(f"sent an empty answer{why}")

    def stopped(self) -> LLMFailed:
        """Say that the request was ended by us."""
        return self.failed("was told to stop before the answer's end")

    def _transport(self, error: Exception) -> str | None:
        causes = tuple(_causes(error))
        for cause in causes:
            if what := _unreachable(cause):
                return what
        last = quoted(str(causes[-1]).split(":")[0] or type(causes[-1]).__name__, self.settings.llm_api_key)
        if any(isinstance(cause, httpx.ConnectTimeout) for cause in causes):
            return _OVERDUE["connection"][0].format(self.settings.llm_connect_timeout, "CITEDESK_LLM_CONNECT_TIMEOUT")
        if any(isinstance(cause, httpx.TimeoutException) for cause in causes):
            return _OVERDUE["next token"][0].format(self.settings.llm_timeout, "CITEDESK_LLM_TIMEOUT")
        if any(isinstance(cause, httpx.ConnectError) for cause in causes):
            return f"cannot be reached ({last}): check CITEDESK_LLM_BASE_URL"
        if isinstance(error, openai.APIConnectionError):
            return f"gave no answer ({last}): is CITEDESK_LLM_BASE_URL the address of a server that speaks HTTP?"
        if any(isinstance(cause, httpx.TransportError | OSError) for cause in causes):
            return f"broke off before the answer's end ({last}); look at the server's own log"
        return None

    def _stream(self, error: Exception) -> str:
        if isinstance(error, ThoughtShown):
            return (
                f"sent reasoning as its answer (it ended in {error}): start the server with its reasoning parser, "
                "or turn thinking off"
            )
        if isinstance(error, NotAStream):
            return _not_a_stream(error.head, self.settings.llm_api_key)
        if isinstance(error, BadStream):
            return f"sent what is no answer: {quoted(str(error), self.settings.llm_api_key)}"
        return f"sent an invalid response ({quoted(str(error), self.settings.llm_api_key)})"


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def _unreachable(cause: BaseException) -> str | None:
    if isinstance(cause, ssl.SSLError):
        return f"speaks no TLS that can be trusted ({_reason(cause)}): http or https in CITEDESK_LLM_BASE_URL?"
    if isinstance(cause, socket.gaierror):
        return "has a name that cannot be looked up (DNS): check CITEDESK_LLM_BASE_URL and the network"
    if isinstance(cause, ConnectionRefusedError):
        return "cannot be reached (connection refused): is the server running, on the port of CITEDESK_LLM_BASE_URL?"
    return None


def _not_a_stream(head: str, key: str | None) -> str:
    if not head.strip():
        return "sent an empty stream; look at the server's own log"
    if is_page(head):
        return f"sent no answer, but {quoted(head)}: does CITEDESK_LLM_BASE_URL end in /v1?"
    return f"did not send its answer as a stream ({quoted(head, key)}): does CITEDESK_LLM_BASE_URL end in /v1?"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an exception down to what it was first raised for."""
    seen: set[int] = set()
    while error and id(error) not in seen:
        seen.add(id(error))
        yield error
        following = error.__cause__ or error.__context__
        if following is None:
            return
        error = following


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return quoted(error.verify_message)
    return quoted((error.reason or str(error)).replace("_", " ").lower())
