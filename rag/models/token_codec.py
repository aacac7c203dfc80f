"""Compressed token vectors: product quantization (Jégou, Douze and Schmid, PAMI 2011) after a rotation that spreads
the variance evenly over its parts (Ge, He, Ke and Sun, Optimized Product Quantization, PAMI 2014, section 4).

What is restored is shorter than the vector by a different share in each row, so a row also has the scale at which its
product with the vector itself is 1 (Gao and Long, RaBitQ, SIGMOD 2024): similarities are right on average.

The codebook comes with the encoder and is fitted to no collection: an index needs no training, and the codes of a paper
stay valid whatever is added. `python -m eval.training.token_codec` fits it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelUnavailable
from rag.models.onnx import REMEDY, Array, read_metadata

DIMENSION = 128
PARTS = 32
ROW_BYTES = PARTS + 1  # the codes, and the scale
CODEBOOK = "token_codec.npz"
LEVELS = 256  # code vectors of a part: its code is a byte

Codes = NDArray[np.uint8]
_Restored = tuple[NDArray[np.intp], Array]  # the places of code vectors in the table, and the vectors

SCALE_STEPS = 400  # of a scale: a byte b stands for 1 + b / 400
_BLOCK = 1024  # rows per product: they and their codes fit into the cache
_ENCODED = 4096  # rows compared with the code vectors at a time


class TokenCodec:
    """Turns unit vectors into rows of bytes (n, parts + 1), and compares rows with the tokens of a question."""

    def __init__(self, rotation: Array, parts: Array) -> None:
        """`rotation` is orthogonal (128, 128); `parts` (parts, 256, width) are the code vectors of rotated vectors."""
        self.rotation = rotation
        self.parts = parts
        self._table = np.ascontiguousarray(parts.reshape(-1, parts.shape[2]))
        self._firsts = LEVELS * np.arange(len(parts))

    def encode(self, vectors: Array) -> Codes:
        """Return the rows of unit vectors (n, 128): of each part the nearest code vector, and the scale."""
        rotated = np.asarray(vectors, np.float32) @ self.rotation
        codes = np.empty((len(vectors), len(self.parts) + 1), np.uint8)
        width = self.parts.shape[2]
        for part, levels in enumerate(self.parts):
            halves = (levels * levels).sum(axis=1) / 2
            for first in range(0, len(vectors), _ENCODED):
                own = rotated[first : first + _ENCODED, part * width : (part + 1) * width]
                codes[first : first + _ENCODED, part] = (own @ levels.T - halves).argmax(axis=1)
        products = (rotated * self._restored(codes)).sum(axis=1)
        scales = 1 / np.maximum(products, 0.1) - 1
        codes[:, -1] = np.clip(np.round(SCALE_STEPS * scales), 0, 255)
        return codes

    def decode(self, codes: Codes) -> Array:
        """Return the vectors (n, 128) that rows stand for."""
        return np.asarray(_scales(codes)[:, None] * self._restored(codes) @ self.rotation.T)

    def similarities(self, query: Array, codes: Codes) -> Array:
        """Return the dot products of rows with the tokens of a question (m, 128): (rows, m)."""
        rotated = np.ascontiguousarray((query @ self.rotation).T, np.float32)
        similar = np.empty((len(query), len(codes)), np.float32)  # a token's values side by side, to find the greatest
        restored = self._empty(min(_BLOCK, len(codes)))
        for first in range(0, len(codes), _BLOCK):
            block = codes[first : first + _BLOCK]
            with np.errstate(invalid="ignore"):  # spurious from OpenBLAS: both factors are finite
                found = self._restored(block, restored) @ rotated
            similar[:, first : first + _BLOCK] = (found * _scales(block)[:, None]).T
        return similar.T

    def _empty(self, rows: int) -> _Restored:
        return np.empty((rows, len(self.parts)), np.intp), np.empty((rows, *self.parts.shape[::2]), np.float32)

    def _restored(self, codes: Codes, reused: _Restored | None = None) -> Array:
        """Return the rotated vectors (n, 128), not scaled; in `reused` arrays of at least n rows it is faster."""
        places, rows = reused or self._empty(len(codes))
        places, rows = places[: len(codes)], rows[: len(codes)]
        np.add(codes[:, :-1], self._firsts, out=places)
        # Rows of 16 or 32 bytes are what numpy's `take` copies fastest; in its other modes it fills a buffer first.
        self._table.take(places, axis=0, out=rows, mode="clip")
        return rows.reshape(-1, DIMENSION)


def _scales(codes: Codes) -> Array:
    return 1 + codes[:, -1].astype(np.float32) / np.float32(SCALE_STEPS)


@cache
def load_token_codec(folder: Path) -> TokenCodec:
    """Load the codebook of the encoder in a folder; raises ModelUnavailable if it is missing or another encoder's."""
    path = folder / CODEBOOK
    try:
        with np.load(path, allow_pickle=False) as found:
            rotation, parts = (found[name].astype(np.float32) for name in ("rotation", "parts"))
            fitted_to = str(found["model_sha256"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}). {REMEDY}") from None
    if fitted_to != read_metadata(folder)["model_sha256"]:
        raise ModelUnavailable(f"{path} was fitted to another encoder. {REMEDY}")
    return TokenCodec(rotation, parts)
