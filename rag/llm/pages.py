"""Gets what servers tell of themselves in JSON, by a given time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from rag.errors import LLMFailed
from rag.llm.call import Call, Ended, Part
from rag.llm.client import open_endpoint
from rag.llm.failures import Explainer
from rag.llm.refusals import refusal_of
from rag.settings import Settings


class Pages:
    """The pages of the configured endpoint, and of the server that it is part of."""

    def __init__(self, settings: Settings, until: float) -> None:
        self._settings = settings
        self._until = until
        self._explainer = Explainer(settings)

    @property
    def address(self) -> str:
        """The endpoint's address, without what may be secret in it."""
        return self._explainer.where.removeprefix("The endpoint ")

    def get(self, path: str) -> Any:
        """Get a page, or None where there is none; raises LLMFailed where there is no server or no right to ask."""
        with closing(open_endpoint(self._settings)) as endpoint:
            client = endpoint.client()

            def page() -> Iterator[Any]:
                yield client.get(path, cast_to=object)

            call = Call(page)
            call.start()
            try:
                return self._awaited(call, path)
            finally:
                call.finish()

    def beside(self, path: str) -> Any:
        """Get a page that a kind of server has beside /v1, or None where it has not."""
        root = (self._settings.llm_base_url or "").rstrip("/").removesuffix("/v1")
        try:
            return self.get(f"{root}/{path}")
        except LLMFailed:
            return None

    def _awaited(self, call: Call, path: str) -> Any:
        due = min(self._until, time.monotonic() + self._settings.llm_first_token_timeout)
        while arrived := call.wait(due):
            event = arrived[1]
            if isinstance(event, Part):
                return event.value
            if isinstance(event, Ended):
                return self._missing(event.error)
        raise self._explainer.failed(f"did not answer a request for its {path} in time; is it busy?")

    def _missing(self, error: Exception | None) -> None:
        refusal = refusal_of(error) if error else None
        if error and (refusal is None or refusal.status in (401, 403)):
            raise self._explainer.explain(error)
