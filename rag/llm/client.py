"""LlamaIndex's OpenAILike for the configured endpoint: no retries, no redirects, timeouts, streams made sound."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
from llama_index.llms.openai_like import OpenAILike

from rag.llm.call import guard_response, watch_request
from rag.settings import Settings

_LONGEST = 86400.0  # seconds
_NO_KEY = "none"  # the client insists on one, a local server does not look at it


class Endpoint(OpenAILike):
    """OpenAILike whose parts of a request each have a timeout of their own."""

    limits: httpx.Timeout

    def client(self) -> openai.OpenAI:
        """Give the OpenAI client that this endpoint is reached by."""
        client: openai.OpenAI = self._get_client()
        return client

    def close(self) -> None:
        """Close the connections."""
        self.client().close()

    def _get_credential_kwargs(self, is_async: bool = False) -> dict[str, Any]:
        return {**super()._get_credential_kwargs(is_async), "timeout": self.limits}


def open_endpoint(settings: Settings, max_tokens: int | None = None) -> Endpoint:
    """Make the LlamaIndex model of the configured endpoint; nothing is sent yet."""
    # Who waits for a call ends it before this; no socket takes an endless time.
    silence = min(max(settings.llm_first_token_timeout, settings.llm_timeout) + 1, _LONGEST)
    return Endpoint(
        model=settings.llm_model or "",
        api_base=settings.llm_base_url,
        api_key=settings.llm_api_key or _NO_KEY,
        is_chat_model=True,
        context_window=settings.llm_context,
        max_tokens=max_tokens,
        temperature=0.0,
        timeout=silence,
        limits=httpx.Timeout(silence, connect=min(settings.llm_connect_timeout, _LONGEST)),
        max_retries=0,
        http_client=_http_client(settings.llm_base_url or ""),
    )


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _http_client(address: str) -> httpx.Client:
    """Make a client that follows no redirect: evidence goes to the address that was named, to no other."""
    # Loading the certificates takes 24 ms, and a plain address needs none; without any, none would be trusted.
    certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if address.startswith("http:") else True
    return httpx.Client(
        follow_redirects=False,
        trust_env=not _is_loopback(address),  # a proxy is for what is far away
        verify=certificates,
        headers={"Accept-Encoding": "identity"},
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),  # a connection ends with its call
        event_hooks={"request": [watch_request], "response": [guard_response]},
    )
