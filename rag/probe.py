"""Tries the configured endpoint: is it there, does it know the model, does it answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import openai

from rag.llm import Endpoint, explain, open_endpoint
from rag.settings import Settings
from rag.writing.prompts import PROBE

_SECONDS = 20.0


def probe(settings: Settings) -> Iterator[tuple[str, bool, str]]:
    """Yield (check, fine, detail) for each step, and stop at an endpoint that cannot be reached."""
    endpoint = open_endpoint(replace(settings, llm_timeout=min(settings.llm_timeout, _SECONDS)))
    where = settings.llm_base_url
    try:
        names = _models(endpoint)
    except (openai.APIConnectionError, openai.AuthenticationError, httpx.HTTPError) as error:
        yield "endpoint", False, f"{where} {explain(error, endpoint)}."
        return
    yield "endpoint", True, f"{where}"
    if names and settings.llm_model not in names:
        known = ", ".join(names[:5])
        yield "model at endpoint", False, f"CITEDESK_LLM_MODEL is {settings.llm_model!r}; it has {known}."
    try:
        _ask_for_a_token(endpoint)
    except (openai.OpenAIError, httpx.HTTPError, ValueError) as error:
        yield "answer", False, f"{where} {explain(error, endpoint)}."
    else:
        yield "answer", True, f"{settings.llm_model} answered a request for one token"
    finally:
        endpoint.close()


def _models(endpoint: Endpoint) -> list[str]:
    """List the endpoint's models; none where it does not list them, as many do not."""
    try:
        return [model.id for model in endpoint.client().models.list().data]
    except (openai.APIStatusError, ValueError, AttributeError, TypeError) as error:
        if isinstance(error, openai.AuthenticationError):
            raise
        return []


def _ask_for_a_token(endpoint: Endpoint) -> None:
    """Ask for one token; raises what the client raises, and ValueError for a reply that is no completion."""
    reply = endpoint.client().chat.completions.create(
        model=endpoint.model, messages=[{"role": "user", "content": PROBE}], max_tokens=1
    )
    if not getattr(reply, "choices", None):  # the client passes on whatever a server sends with status 200
        raise ValueError("no completion; does the address end in /v1?")
