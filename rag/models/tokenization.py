"""Tokens of many documents, read by several processes: one tokenizer is too slow for a GPU.

It imports no torch, which each process would load once more.
"""

from __future__ import annotations

import itertools
import os
import re
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
_REMEMBERED = 500_000  # words
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # removed by BERT, so that they do not end a word
_WORD = re.compile(r"([!-~]*+[^\x00-\x7f]\S*|[A-Za-z0-9]+|[!-/:-@\[-`{-~])")
_ALONE = 2 * _CHUNK  # documents up to which starting processes takes longer than reading

_reader: DocumentReader | None = None  # of a worker process


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
        self.reader = DocumentReader(folder)
        self._processes = processes or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    def stream(self, texts: Sequence[tuple[str, str]]) -> Iterator[TokenizedDocuments]:
        """Yield the tokens of titles and abstracts in their order, some documents at a time."""
        parts = [texts[first : first + _CHUNK] for first in range(0, len(texts), _CHUNK)]
        if len(texts) <= _ALONE or self._processes == 1:
            yield from map(self.reader.read, parts)
        else:
            yield from self._started().map(_read_here, parts)

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


class WordPieceTokenizer:
    """Reads texts as a BERT tokenizer does, several times faster: it asks that for each word once.

    Word pieces do not depend on what is around a word (Devlin et al., NAACL 2019), and words end at blanks and at ASCII
    punctuation. What is not ASCII is looked up together with all up to the next blanks.
    """

    def __init__(self, tokenizer: Any) -> None:
        """`tokenizer` is one of the library tokenizers, uncased or not, without truncation."""
        self._tokenizer = tokenizer
        special = [re.escape(token.content) for token in tokenizer.get_added_tokens_decoder().values()]
        self._special = re.compile("|".join(special) or r"(?!)")
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[str, int] = {}
        self._firsts: NDArray[np.int64] = np.empty(0, np.int64)
        self._counts: NDArray[np.int64] = np.empty(0, np.int64)
        self._ids: NDArray[np.int32] = np.empty(0, np.int32)
        self._spans: NDArray[np.int32] = np.empty((0, 2), np.int32)

    def tokenize(self, texts: Sequence[str]) -> TokenizedDocuments:
        """Tokenize texts without special tokens; spans are offsets in the text."""
        parts = [self._split(text) for text in texts]
        words = list(chain.from_iterable(each[1::2] for each in parts))
        numbers = self._look_up(words)
        starts = [np.cumsum(np.fromiter(map(len, each), np.int32, len(each)))[:-1:2] for each in parts]
        counts, firsts = self._counts[numbers], self._firsts[numbers]
        pieces = np.arange(counts.sum()) + np.repeat(firsts - (np.cumsum(counts) - counts), counts)
        spans = self._spans[pieces] + np.repeat(np.concatenate(starts), counts)[:, None]
        of_text = np.repeat(np.arange(len(texts)), [len(each) for each in starts])
        lengths = np.bincount(of_text, counts, len(texts)).astype(np.int32)
        return TokenizedDocuments(self._ids[pieces], lengths, spans.astype(np.int32))

    def _split(self, text: str) -> list[str]:
        """Split a text into words and what is between them, in turn; one word where it is unusual."""
        if _CONTROL.search(text) or ("[" in text and self._special.search(text)):
            return ["", text, ""]
        return _WORD.split(text)

    def _look_up(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of words, and encode those that are new."""
        if len(self._numbers) > _REMEMBERED:
            self._forget()
        new = [word for word in dict.fromkeys(words) if word not in self._numbers]
        if new:
            found = self._tokenizer.encode_batch(new, add_special_tokens=False)
            counts = np.array([len(each) for each in found], np.int64)
            self._numbers.update(zip(new, itertools.count(len(self._numbers)), strict=False))
            self._firsts = np.append(self._firsts, len(self._ids) + np.cumsum(counts) - counts)
            self._counts = np.append(self._counts, counts)
            self._ids = np.append(self._ids, np.array([i for each in found for i in each.ids], np.int32))
            spans = np.array([span for each in found for span in each.offsets], np.int32).reshape(-1, 2)
            self._spans = np.concatenate([self._spans, spans])
        return np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))


class DocumentReader:
    """Tokenizes titles and abstracts in one process, as the encoder reads them: [CLS] mark text [SEP], cut."""

    def __init__(self, folder: Path) -> None:
        metadata = read_metadata(folder)
        tokenizer = open_tokenizer(folder)
        self.tokenizer = WordPieceTokenizer(tokenizer)
        self._longest = int(metadata["longest"]["document"])
        names = ("[CLS]", metadata["marks"]["document"], "[SEP]")
        self._special = [tokenizer.token_to_id(name) for name in names]

    def read(self, texts: Sequence[tuple[str, str]]) -> TokenizedDocuments:
        """Tokenize titles and abstracts."""
        found = self.tokenizer.tokenize([document_text(title, text) for title, text in texts])
        kept = np.minimum(found.lengths, self._longest - len(self._special))
        ends = np.cumsum(found.lengths)
        rank = np.arange(len(found.ids)) - np.repeat(ends - found.lengths, found.lengths)
        inside = rank < np.repeat(kept, found.lengths)
        heads = np.array([len(document_text(title, "")) for title, _ in texts], np.int32)
        own = found.spans[inside] - np.repeat(heads, kept)[:, None]
        own[own[:, 0] < 0] = -1
        lengths = kept + len(self._special)
        after = np.cumsum(lengths)
        text = np.ones(int(after[-1]), bool)
        ids, spans = np.empty(len(text), np.int32), np.full((len(text), 2), -1, np.int32)
        for place, special in zip((after - lengths, after - lengths + 1, after - 1), self._special, strict=True):
            text[place], ids[place] = False, special
        ids[text], spans[text] = found.ids[inside], own
        return TokenizedDocuments(ids, lengths, spans)


def _open_here(folder: Path) -> None:
    """Prepare a worker process."""
    global _reader
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a process is one thread
    _reader = DocumentReader(folder)


def _read_here(texts: Sequence[tuple[str, str]]) -> TokenizedDocuments:
    assert _reader is not None
    return _reader.read(texts)
