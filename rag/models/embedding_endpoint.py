"""Embedder behind a URL: any endpoint with OpenAI's /v1/embeddings, such as vLLM, TEI, llama.cpp or Ollama.

Only single vectors come from it. The encoder still reads each text here, for token vectors and the understanding of
questions, which no such endpoint returns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from rag.errors import ModelFailed
from rag.models.onnx import Array, l2_normalize
from rag.settings import Settings
from rag.text.links import is_loopback

_TEXTS = 32  # in a request: the most that text-embeddings-inference takes by default
_TIMEOUT = 60.0  # seconds
_WAITS = (1.0, 4.0, 16.0)  # seconds before a request is sent again, where the endpoint is busy or restarting
_BUSY = (429, 502, 503, 504)


class EndpointEmbedder:
    """Embeds texts as the endpoint's model does, with no prompt added; thread-safe."""

    max_tokens = 512  # the endpoint does not say; CITEDESK_CHUNK_TOKENS sets less

    def __init__(self, settings: Settings, waits: Sequence[float] = _WAITS) -> None:
        """`waits` are the pauses in seconds before a request is repeated; nothing is sent yet.

        Raises ModelFailed where the environment's proxies or certificates cannot be used.
        """
        import httpx  # not needed without an endpoint

        self._url = f"{(settings.embed_url or '').rstrip('/')}/embeddings"
        self._model = settings.embed_model
        self._waits = waits
        key = settings.embed_api_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        by_proxy = not is_loopback(self._url)
        try:
            self._client = httpx.Client(timeout=_TIMEOUT, headers=headers, trust_env=by_proxy)
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            wrong = "the environment's proxy variables, NO_PROXY or SSL_CERT_FILE are wrong"
            raise self._failed(f"cannot be asked ({error}): {wrong}") from error

    def encode_documents(self, texts: Sequence[str]) -> Array:
        """Embed texts to be retrieved."""
        parts = [self._embed(texts[first : first + _TEXTS]) for first in range(0, len(texts), _TEXTS)]
        return np.concatenate(parts)

    def encode_query(self, text: str) -> Array:
        """Embed a question."""
        vector: Array = self._embed([text])[0]
        return vector

    def _embed(self, texts: Sequence[str]) -> Array:
        body = self._post({"model": self._model, "input": list(texts), "encoding_format": "float"})
        try:
            rows = sorted(body["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise self._failed(f"sent no embeddings ({error!r})") from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise self._failed(f"sent {len(vectors)} embeddings for {len(texts)} texts")
        return l2_normalize(vectors)

    def _post(self, request: dict[str, Any]) -> Any:
        import httpx

        for wait in (*self._waits, None):
            try:
                response = self._client.post(self._url, json=request)
            except httpx.HTTPError as error:
                if wait is None or isinstance(error, httpx.TimeoutException):
                    raise self._failed(f"cannot be reached ({error or type(error).__name__})") from error
            else:
                if response.is_success:
                    return self._parsed(response)
                if wait is None or response.status_code not in _BUSY:
                    raise self._failed(f"answered {response.status_code}: {response.text.strip()[:200]}")
            time.sleep(wait)
        raise AssertionError

    def _parsed(self, response: Any) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise self._failed(f"sent no JSON ({error})") from error

    def _failed(self, what: str) -> ModelFailed:
        return ModelFailed(f"The embedding endpoint {self._url} {what}. Check CITEDESK_EMBED_URL and its server.")
