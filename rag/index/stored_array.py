"""An array in a file, of which slices are read.

It is not memory-mapped: the system kills a process that reads a mapped file which has been cut short.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from rag.errors import REBUILD, IndexFailed


class StoredArray:
    """Rows of a file; safe to use from several threads. Garbage collection closes the file."""

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int = 0) -> None:
        """Open a file that has an array of that type and shape at an offset in bytes; raises OSError."""
        self._path = path
        self._dtype = dtype
        self._shape = shape
        self._offset = offset
        self._file = path.open("rb", buffering=0)
        self._lock = Lock()
        self._close = finalize(self, self._file.close)

    @classmethod
    def of_npy(cls, path: Path) -> StoredArray:
        """Open an array that `numpy.save` has written; raises OSError, EOFError or ValueError."""
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            return cls(path, dtype, shape, file.tell())

    def __len__(self) -> int:
        return self._shape[0]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Read successive rows; raises IndexFailed if they are not all there."""
        first, end, _ = rows.indices(len(self))
        return self.read([(first, max(first, end))])

    def read(self, spans: Sequence[tuple[int, int]]) -> NDArray[Any]:
        """Read the rows of some (first, end), one after the other; raises IndexFailed if they are not all there."""
        found = np.empty((sum(end - first for first, end in spans), *self._shape[1:]), self._dtype)
        width = found.strides[0]
        blocks, place = found.reshape(-1).view(np.uint8).data, 0
        with self._lock:
            for first, end in spans:
                size = (end - first) * width
                self._file.seek(self._offset + first * width)
                if self._file.readinto(blocks[place : place + size]) != size:
                    raise IndexFailed(f"{self._path} is damaged: it is too short. {REBUILD}")
                place += size
        return found

    def close(self) -> None:
        """Close the file."""
        self._close()
