"""Which papers a text may name by its words or letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class TitleIndex:
    """The titles of a collection by the rows of their papers."""

    DTYPES: Mapping[str, np.dtype[Any]] = {}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> TitleIndex:
        """Return the index that `arrays` returned the arrays of."""
        return cls()

    @classmethod
    def empty(cls) -> TitleIndex:
        """Return the index of no titles."""
        return cls()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the index by name, of the types in `DTYPES`."""
        return {}

    def updated(self, removed: Iterable[int], added: Mapping[int, str]) -> TitleIndex:
        """Return the index without the titles of some rows and with those of others, by row."""
        return self
