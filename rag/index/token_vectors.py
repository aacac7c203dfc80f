"""Token vectors of papers in a folder: two append-only files, which generations share by hard links.

Which rows belong to which paper is in the database of papers. Rows of papers that were removed stay, as do those that a
killed run appended, until a generation copies the others to new files.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.corpus.files import fsync
from rag.errors import REBUILD, IndexFailed
from rag.index.stored_array import StoredArray
from rag.models.encoder import Spans, TokenVectors
from rag.models.token_codec import ROW_BYTES

VECTORS, STARTS = "vectors", "starts"
NO_START = 0xFFFF  # of tokens of the title, special tokens, and those beyond the abstract's first 65,535 characters
_START = np.dtype("<u2")
_WIDTH = {VECTORS: ROW_BYTES, STARTS: _START.itemsize}

Places = Iterable[tuple[int, int]]
"""Where papers' rows are: the first and their number."""


def row_count(folder: Path) -> int:
    """Return the number of whole rows in a folder; 0 if there is none."""
    paths = {folder / name: width for name, width in _WIDTH.items()}
    return min((path.stat().st_size // width if path.is_file() else 0 for path, width in paths.items()), default=0)


def append_token_vectors(folder: Path, papers: Sequence[TokenVectors]) -> list[int]:
    """Append papers' tokens, and return the first row of each; durable on return."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {name: (folder / name).stat().st_size if (folder / name).exists() else 0 for name in _WIDTH}
    first = max(-(-sizes[name] // width) for name, width in _WIDTH.items())  # after what a killed run left incomplete
    content = {
        VECTORS: b"".join(np.ascontiguousarray(each.vectors).tobytes() for each in papers),
        STARTS: b"".join(_to_starts(each.spans).tobytes() for each in papers),
    }
    for name, written in content.items():
        with (folder / name).open("r+b" if sizes[name] else "wb") as file:
            file.seek(first * _WIDTH[name])
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
    fsync(folder)
    return _firsts(first, [len(each.spans) for each in papers])


def link_token_vectors(source: Path, folder: Path) -> None:
    """Share the files of a generation, or copy them where the file system has no hard links."""
    folder.mkdir()
    for name in _WIDTH:
        try:
            os.link(source / name, folder / name)
        except OSError:
            shutil.copyfile(source / name, folder / name)


def copy_token_vectors(source: Path, folder: Path, places: Places) -> list[int]:
    """Copy papers' rows to a new folder, without gaps; returns the first row of each."""
    folder.mkdir()
    places = list(places)
    for name, width in _WIDTH.items():
        with (source / name).open("rb") as old, (folder / name).open("wb") as new:
            for first, rows in places:
                old.seek(first * width)
                new.write(old.read(rows * width))
    return _firsts(0, [rows for _, rows in places])


def open_token_vectors(folder: Path, rows: int) -> tuple[StoredArray, StoredArray]:
    """Open the first rows of a folder, their codes and starts; raises IndexFailed if there are fewer."""
    try:
        if row_count(folder) < rows:
            raise IndexFailed(f"{folder} is damaged: it does not contain the indexed papers. {REBUILD}")
        codes = StoredArray(folder / VECTORS, np.dtype(np.uint8), (rows, ROW_BYTES))
        return codes, StoredArray(folder / STARTS, _START, (rows,))
    except OSError as error:
        raise IndexFailed(f"{folder} is damaged ({error}). {REBUILD}") from None


def _firsts(first: int, counts: Sequence[int]) -> list[int]:
    return [*accumulate(counts[:-1], initial=first)] if counts else []


def _to_starts(spans: Spans) -> NDArray[np.uint16]:
    starts = spans[:, 0]
    return np.where((starts < 0) | (starts > NO_START), NO_START, starts).astype(_START)
