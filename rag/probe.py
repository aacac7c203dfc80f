"""Tries the configured endpoint: is it there, does it know the model, does it answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import openai

from rag.llm import explain, open_endpoint
from rag.settings import Settings

_SECONDS = 20.0


def probe(settings: Settings) -> Iterator[tuple[str, bool, str]]:
    """Yield (check, fine, detail) for each step, and stop at an endpoint that cannot be reached."""
    endpoint = open_endpoint(replace(settings, llm_timeout=min(settings.llm_timeout, _SECONDS)))
    client = openai.OpenAI(**endpoint._get_credential_kwargs())
    where = f"{settings.llm_base_url}"
    with client:
        try:
            names = [model.id for model in client.models.list().data]
        except (openai.APIConnectionError, openai.AuthenticationError, httpx.HTTPError) as error:
            yield "endpoint", False, f"{where} {explain(error, endpoint)}."
            return
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):
            names = []  # many servers do not list their models
        yield "endpoint", True, where
        if names and settings.llm_model not in names:
            known = ", ".join(names[:5])
            yield "model at endpoint", False, f"CITEDESK_LLM_MODEL is {settings.llm_model!r}; it has {known}."
        try:
            client.chat.completions.create(
                model=settings.llm_model or "", messages=[{"role": "user", "content": "Say yes."}], max_tokens=1
            )
        except (openai.OpenAIError, httpx.HTTPError, ValueError) as error:
            yield "answer", False, f"{where} {explain(error, endpoint)}."
        else:
            yield "answer", True, f"{settings.llm_model} answered a request for one token"
