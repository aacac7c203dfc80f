"""Append-only store of papers' token vectors in a folder: two binary files, and a JSON line for each paper.

The line is written once the numbers are durable, so a killed run leaves complete papers and at most a tail without a
line, which the next run truncates.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.corpus.files import fsync, to_json_lines
from rag.errors import REBUILD, IndexFailed
from rag.models.encoder import DIMENSION, TokenVectors

VECTORS, SPANS, PAPERS = "vectors.int8", "spans.int32", "papers.jsonl"
_SPAN = np.dtype("<i4")
_ROW_BYTES = {VECTORS: DIMENSION, SPANS: 2 * _SPAN.itemsize}
_COPY_BATCH = 256  # papers in memory while copying


@dataclass(frozen=True, slots=True)
class StoredPaper:
    """The rows of a paper's tokens: `rows` of them, from row `first`."""

    paper_id: str
    digest: str
    first: int
    rows: int


class TokenVectorStore:
    """Reads and writes one folder, opened by `open_token_vectors` or `create_token_vectors`; keeps no file open."""

    def __init__(self, folder: Path, entries: Mapping[str, StoredPaper], rows: int) -> None:
        self.folder = folder
        self.rows = rows
        self.entries = dict(entries)

    def digests(self) -> dict[str, str]:
        """Return the digest of each stored paper."""
        return {paper_id: entry.digest for paper_id, entry in self.entries.items()}

    def append(self, papers: Sequence[tuple[str, str, TokenVectors]]) -> None:
        """Append papers' ids, digests and tokens, replacing earlier entries; durable on return."""
        self._append_arrays(VECTORS, [tokens.vectors for _, _, tokens in papers])
        self._append_arrays(SPANS, [tokens.spans.astype(_SPAN) for _, _, tokens in papers])
        added = []
        for paper_id, digest, tokens in papers:
            added.append(StoredPaper(paper_id, digest, self.rows, len(tokens.spans)))
            self.rows += len(tokens.spans)
        lines = [{"paper_id": entry.paper_id, "digest": entry.digest, "rows": entry.rows} for entry in added]
        self._append_bytes(PAPERS, to_json_lines(lines).encode())
        self.entries |= {entry.paper_id: entry for entry in added}

    def copy_from(self, other: TokenVectorStore, paper_ids: Iterable[str]) -> None:
        """Copy papers from another store, in the given order."""
        ids = list(paper_ids)
        for first in range(0, len(ids), _COPY_BATCH):
            group = ids[first : first + _COPY_BATCH]
            self.append([(paper_id, other.entries[paper_id].digest, other.read(paper_id)) for paper_id in group])

    def read(self, paper_id: str) -> TokenVectors:
        """Read a paper's tokens."""
        entry = self.entries[paper_id]
        vectors = np.fromfile(self.folder / VECTORS, np.int8, entry.rows * DIMENSION, offset=entry.first * DIMENSION)
        at = entry.first * _ROW_BYTES[SPANS]
        spans = np.fromfile(self.folder / SPANS, _SPAN, entry.rows * 2, offset=at)
        return TokenVectors(vectors.reshape(-1, DIMENSION), spans.reshape(-1, 2))

    def memory_map(self) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Return the vectors and spans of all rows, memory-mapped for reading."""
        return self._memory_map(VECTORS, np.dtype(np.int8)), self._memory_map(SPANS, _SPAN)

    def _memory_map(self, name: str, kind: np.dtype[Any]) -> NDArray[Any]:
        width = _ROW_BYTES[name] // kind.itemsize
        if not self.rows:  # an empty file cannot be memory-mapped
            return np.empty((0, width), kind)
        mapped = np.memmap(self.folder / name, kind, "r", shape=(self.rows, width))
        return np.asarray(mapped)  # slices of a plain array are cheaper

    def _append_arrays(self, name: str, arrays: list[NDArray[Any]]) -> None:
        self._append_bytes(name, b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))

    def _append_bytes(self, name: str, content: bytes) -> None:
        with (self.folder / name).open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def open_token_vectors(folder: Path) -> TokenVectorStore:
    """Open a finished folder; raises IndexFailed if it is missing or incomplete."""
    try:
        sizes = {name: (folder / name).stat().st_size for name in (*_ROW_BYTES, PAPERS)}
        store, read = _read(folder)
    except OSError as error:
        raise IndexFailed(f"{folder} is damaged ({error}). {REBUILD}") from None
    if sizes != {PAPERS: read, **{name: store.rows * width for name, width in _ROW_BYTES.items()}}:
        raise IndexFailed(f"{folder} is damaged: its files do not match. {REBUILD}")
    return store


def create_token_vectors(folder: Path) -> TokenVectorStore:
    """Open a folder for writing, created if missing, and truncate what a killed run left incomplete."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*_ROW_BYTES, PAPERS):
        (folder / name).touch()
    fsync(folder)
    store, read = _read(folder)
    for name, size in {PAPERS: read, **{name: store.rows * width for name, width in _ROW_BYTES.items()}}.items():
        os.truncate(folder / name, size)
    return store


def _read(folder: Path) -> tuple[TokenVectorStore, int]:
    """Read the lines up to the first that is incomplete or lacks rows; return the store and the bytes read."""
    available = min((folder / name).stat().st_size // width for name, width in _ROW_BYTES.items())
    entries: dict[str, StoredPaper] = {}
    rows = read = 0
    for line in (folder / PAPERS).read_bytes().split(b"\n")[:-1]:
        entry = _entry(line, rows)
        if entry is None or rows + entry.rows > available:
            break
        entries[entry.paper_id] = entry
        rows, read = rows + entry.rows, read + len(line) + 1
    return TokenVectorStore(folder, entries, rows), read


def _entry(line: bytes, first: int) -> StoredPaper | None:
    try:
        known = json.loads(line)
        entry = StoredPaper(str(known["paper_id"]), str(known["digest"]), first, int(known["rows"]))
    except (ValueError, TypeError, KeyError):
        return None
    return entry if entry.rows > 0 else None
