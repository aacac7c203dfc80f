"""Embedder behind a URL: any endpoint with OpenAI's /v1/embeddings, such as vLLM, TEI, llama.cpp or Ollama.

Only single vectors come from it. The encoder still reads each text here, for token vectors and the understanding of
questions, which no such endpoint returns.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from rag.errors import ModelFailed
from rag.models.onnx import Array, l2_normalize
from rag.settings import Settings
from rag.text.links import is_loopback

_TEXTS = 32  # in a request: the most that text-embeddings-inference takes by default
_CONNECT_TIMEOUT = 5.0  # seconds
_TIMEOUT = 60.0  # seconds for a reply; a server that loads its model with the first request needs some
_WAITS = (1.0, 4.0, 16.0)  # seconds before a request is sent again, where the endpoint is busy or restarting
_QUESTION_WAITS = 1  # of these for a question, since somebody waits for its answer
_BUSY = (429, 502, 503, 504)
_MOST_BYTES = 2**20  # of a reply for each text: a vector of 40,000 numbers
_SHOWN = 200  # characters of what a server says is wrong


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
        self._key = settings.embed_api_key
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        timeout = httpx.Timeout(_TIMEOUT, connect=_CONNECT_TIMEOUT)
        by_proxy = not is_loopback(self._url)
        try:
            self._client = httpx.Client(timeout=timeout, headers=headers, trust_env=by_proxy)
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            wrong = "the environment's proxy variables, NO_PROXY or SSL_CERT_FILE are wrong"
            raise self._failed(f"cannot be asked ({error}): {wrong}") from error

    def encode_documents(self, texts: Sequence[str]) -> Array:
        """Embed texts to be retrieved."""
        firsts = range(0, len(texts), _TEXTS)
        return np.concatenate([self._embed(texts[first : first + _TEXTS], self._waits) for first in firsts])

    def encode_query(self, text: str) -> Array:
        """Embed a question."""
        vector: Array = self._embed([text], self._waits[:_QUESTION_WAITS])[0]
        return vector

    def _embed(self, texts: Sequence[str], waits: Sequence[float]) -> Array:
        request = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        body = self._parsed(self._post(request, waits, len(texts) * _MOST_BYTES))
        try:
            rows = sorted(body["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._failed(f"sent no embeddings ({error!r})") from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise self._failed(f"sent {len(vectors)} embeddings for {len(texts)} texts")
        return l2_normalize(vectors)

    def _post(self, request: dict[str, Any], waits: Sequence[float], most: int) -> bytes:
        """Return the reply to a request, of at most so many bytes."""
        import httpx

        for wait in (*waits, None):
            try:
                with self._client.stream("POST", self._url, json=request) as response:
                    body = self._read(response, most)
            except httpx.HTTPError as error:
                if wait is None or isinstance(error, httpx.TimeoutException):
                    raise self._failed(f"cannot be reached ({error or type(error).__name__})") from error
            else:
                if response.is_success:
                    return body
                if wait is None or response.status_code not in _BUSY:
                    raise self._failed(f"answered {response.status_code}: {self._line(body)}")
            time.sleep(wait)
        raise AssertionError

    def _read(self, response: Any, most: int) -> bytes:
        body, until = bytearray(), time.monotonic() + _TIMEOUT
        for data in response.iter_bytes():
            body += data
            if len(body) > most:
                raise self._failed(f"sent more than {most >> 20} MB")
            if time.monotonic() > until:
                raise self._failed(f"was still sending after {_TIMEOUT:g} s")
        return bytes(body)

    def _parsed(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._failed(f"sent no JSON ({error})") from error

    def _line(self, body: bytes) -> str:
        """Return the beginning of what a server says as one line without the key."""
        from rag.text.display import display_line  # only for what is wrong

        said = body[: 20 * _SHOWN].decode("utf-8", "replace")
        return display_line(said.replace(self._key, "…") if self._key else said)[:_SHOWN]

    def _failed(self, what: str) -> ModelFailed:
        return ModelFailed(f"The embedding endpoint {self._url} {what}. Check CITEDESK_EMBED_URL and its server.")
