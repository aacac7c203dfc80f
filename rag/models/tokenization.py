"""Tokens of many documents, read by several processes: one tokenizer is too slow for a GPU.

It imports no torch, which each process would load once more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.models.encoder import document_text
from rag.models.onnx import open_tokenizer, read_metadata

_CHUNK = 256  # documents that a process reads at a time
_ALONE = 2 * _CHUNK  # documents up to which starting processes takes longer than reading

_tokenizer: Any = None  # of a worker process


@dataclass(frozen=True, slots=True, eq=False)
class TokenizedDocuments:
    """Tokens of documents end to end: `ids` (tokens,), `lengths` (documents,), and `spans` (tokens, 2).

    `spans` are character offsets in the abstract; (-1, -1) for tokens of the title and special tokens.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    spans: NDArray[np.int32]

    def joined(self, other: TokenizedDocuments) -> TokenizedDocuments:
        """Return these documents and others."""
        return TokenizedDocuments(
            np.concatenate([self.ids, other.ids]),
            np.concatenate([self.lengths, other.lengths]),
            np.concatenate([self.spans, other.spans]),
        )

    def split(self, count: int) -> tuple[TokenizedDocuments, TokenizedDocuments]:
        """Return the first `count` documents, and the rest."""
        tokens = int(self.lengths[:count].sum())
        return (
            TokenizedDocuments(self.ids[:tokens], self.lengths[:count], self.spans[:tokens]),
            TokenizedDocuments(self.ids[tokens:], self.lengths[count:], self.spans[tokens:]),
        )


class DocumentTokenizer:
    """Tokenizes documents as the encoder in a folder reads them; raises ModelUnavailable."""

    def __init__(self, folder: Path, processes: int | None = None) -> None:
        """`processes` are as many as there are cores if not given; they are started for the first large call."""
        self._folder = folder
        self._tokenizer = _open(folder)
        self._processes = processes or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    def stream(self, texts: Sequence[tuple[str, str]]) -> Iterator[TokenizedDocuments]:
        """Yield the tokens of titles and abstracts in their order, some documents at a time."""
        parts = [texts[first : first + _CHUNK] for first in range(0, len(texts), _CHUNK)]
        if len(texts) <= _ALONE or self._processes == 1:
            yield from (tokenize_documents(self._tokenizer, part) for part in parts)
        else:
            yield from self._started().map(_tokenize_here, parts)

    def close(self) -> None:
        """End the processes."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Not forked: a process that holds a CUDA context or threads cannot be forked safely.
            self._pool = ProcessPoolExecutor(self._processes, get_context("spawn"), _open_here, (self._folder,))
        return self._pool


def pack(stream: Iterable[TokenizedDocuments], budget: int, most: int) -> Iterator[TokenizedDocuments]:
    """Yield documents in their order, each time as many as fit into `budget` tokens, and `most` of them at most."""
    left: TokenizedDocuments | None = None
    for part in stream:
        left = left.joined(part) if left else part
        while len(left.ids) > budget or len(left.lengths) > most:
            fitting = int(np.searchsorted(np.cumsum(left.lengths), budget, side="right"))
            now, left = left.split(min(fitting, most))
            yield now
    if left and len(left.lengths):
        yield left


def tokenize_documents(tokenizer: Any, texts: Sequence[tuple[str, str]]) -> TokenizedDocuments:
    """Tokenize titles and abstracts."""
    encodings = tokenizer.encode_batch([document_text(title, text) for title, text in texts])
    lengths = np.array([len(each) for each in encodings], np.int32)
    ids = np.fromiter(chain.from_iterable(each.ids for each in encodings), np.int32)
    flat = chain.from_iterable(chain.from_iterable(each.offsets for each in encodings))
    spans = np.fromiter(flat, np.int32).reshape(-1, 2)
    special = spans[:, 0] == spans[:, 1]  # tokenizers gives special tokens empty spans
    heads = np.array([len(document_text(title, "")) for title, _ in texts], np.int32)
    spans -= np.repeat(heads, lengths)[:, None]
    spans[special | (spans[:, 0] < 0)] = -1
    return TokenizedDocuments(ids, lengths, spans)


def _open(folder: Path) -> Any:
    metadata = read_metadata(folder)
    return open_tokenizer(folder, int(metadata["longest"]["document"]), metadata["marks"]["document"])


def _open_here(folder: Path) -> None:
    """Prepare a worker process."""
    global _tokenizer
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a process is one thread
    _tokenizer = _open(folder)


def _tokenize_here(texts: Sequence[tuple[str, str]]) -> TokenizedDocuments:
    return tokenize_documents(_tokenizer, texts)
