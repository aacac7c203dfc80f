"""Compressed forms of vectors, each fitted to a sample outside the test sets, as what it restores.

Token vectors: scalar quantization (its levels by Lloyd's algorithm, a set for each dimension); signs after a random
rotation (Gao and Long, RaBitQ, SIGMOD 2024, simplified); centroids with residuals of 1 or 2 bits a dimension (Santhanam
et al., ColBERTv2, NAACL 2022); product quantization after a fitted rotation, the product's own form; and the leading
principal components. Single vectors: float8 (Micikevicius et al., FP8 formats for deep learning, 2022), int8, signs,
and these after a projection on half of the principal components.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eval.vectors.quantization import fit_codec, k_means, nearest
from rag.models.onnx import Array
from rag.models.token_codec import PARTS

Restore = Callable[[Array], Array]

PRODUCT = f"product quantization, {PARTS} B"

_CENTROIDS = 2048
_LLOYD_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Form:
    """A form of some `bits` for each dimension, and `more_bytes` for each vector.

    `fit` takes a sample of vectors (n, d), and returns what compresses vectors and restores them.
    """

    name: str
    bits: float
    fit: Callable[[Array], Restore]
    more_bytes: int = 0

    def row_bytes(self, dimensions: int) -> float:
        """Return the bytes of a vector."""
        return self.bits * dimensions / 8 + self.more_bytes


def token_forms() -> tuple[Form, ...]:
    """Return the forms of token vectors; the first is the reference."""
    return (
        Form("float16", 16, lambda _: unchanged),
        Form("int8", 8, lambda _: int8),
        *(Form(f"product quantization, {parts} B", parts / 16, quantized(parts), 1) for parts in (64, 32, 16)),
        *(Form(f"centroids, {bits} bits", bits, with_centroids(2**bits), 2) for bits in (2, 1)),
        *(Form(f"{bits} bits", bits, with_levels(2**bits)) for bits in (4, 2, 1)),
        Form("1 bit, rotated", 1, rotated_signs),
        Form("half the components, int8", 4, lambda sample: unit(of_components(sample, int8))),
    )


def vector_forms() -> tuple[Form, ...]:
    """Return the forms of single vectors; the first is the reference."""
    return (
        Form("float32", 32, lambda _: unchanged),
        Form("float16", 16, lambda _: lambda vectors: vectors.astype(np.float16).astype(np.float32)),
        Form("float8 e4m3", 8, lambda _: lambda vectors: float8(vectors, 3, -6)),
        Form("float8 e4m3, scaled", 8, lambda _: scaled_e4m3),
        Form("float8 e5m2", 8, lambda _: lambda vectors: float8(vectors, 2, -14)),
        Form("int8", 8, lambda _: int8),
        Form("1 bit", 1, lambda _: np.sign),
        Form("half the components, float32", 16, lambda sample: of_components(sample, unchanged)),
        Form("half the components, float8", 4, lambda sample: of_components(sample, scaled_e4m3)),
        Form("half the components, int8", 4, lambda sample: of_components(sample, int8)),
    )


def unchanged(vectors: Array) -> Array:
    """Return vectors as they are."""
    return vectors


def int8(vectors: Array) -> Array:
    """Round to multiples of 1/127."""
    return np.asarray(np.round(127 * vectors) / np.float32(127), np.float32)


def float8(vectors: Array, mantissa: int, least: int) -> Array:
    """Round to floats of some mantissa bits whose smallest normal exponent is `least`; smaller ones are subnormal."""
    exponents = np.maximum(np.floor(np.log2(np.maximum(np.abs(vectors), 1e-30))), least)
    steps = np.exp2(exponents - mantissa)
    return np.asarray(np.round(vectors / steps) * steps, np.float32)


def scaled_e4m3(vectors: Array) -> Array:
    """Round 16 times the vectors to float8 e4m3: many elements of unit vectors would be subnormal."""
    return np.asarray(float8(16 * vectors, 3, -6) / 16, np.float32)


def scalar(sample: Array, levels: int) -> Restore:
    """Fit levels to each dimension of a sample; returns what rounds to them."""
    fitted = [lloyd(column, levels) for column in sample.T]

    def restore(vectors: Array) -> Array:
        found = np.empty_like(vectors)
        for i, own in enumerate(fitted):
            found[:, i] = own[np.searchsorted((own[1:] + own[:-1]) / 2, vectors[:, i])]
        return found

    return restore


def with_levels(levels: int) -> Callable[[Array], Restore]:
    """Return the fit of some levels in each dimension."""
    return lambda sample: unit(scalar(sample, levels))


def lloyd(values: Array, levels: int) -> Array:
    """Return the levels of least squared error, in order (Lloyd, Least squares quantization in PCM, 1982)."""
    values = np.sort(values)
    found = np.quantile(values, (np.arange(levels) + 0.5) / levels).astype(np.float32)
    for _ in range(_LLOYD_ROUNDS):
        bounds = [0, *np.searchsorted(values, (found[1:] + found[:-1]) / 2), len(values)]
        found = np.array([values[low:high].mean() for low, high in pairwise(bounds)], np.float32)
    return found


def unit(restore: Restore) -> Restore:
    """Bring what is restored back to length 1, as ColBERTv2 does."""

    def restored(vectors: Array) -> Array:
        found = restore(vectors)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))

    return restored


def quantized(parts: int) -> Callable[[Array], Restore]:
    """Return the fit of product quantization, the product's own form."""

    def fit(sample: Array) -> Restore:
        codec = fit_codec(sample, parts)
        return lambda vectors: codec.decode(codec.encode(vectors))

    return fit


def with_centroids(levels: int) -> Callable[[Array], Restore]:
    """Return the fit of a nearest centroid plus the residual, rounded to some levels in each dimension."""

    def fit(sample: Array) -> Restore:
        centroids = k_means(sample, _CENTROIDS)
        rest = scalar(sample - centroids[nearest(sample, centroids)], levels)

        def restore(vectors: Array) -> Array:
            own = centroids[nearest(vectors, centroids)]
            return own + rest(vectors - own)

        return unit(restore)

    return fit


def rotated_signs(sample: Array) -> Restore:
    """Fit one bit to each dimension after a random rotation."""
    turn = random_rotation(sample.shape[1])
    signs = scalar(sample @ turn, 2)
    return unit(lambda vectors: signs(vectors @ turn) @ turn.T)


def of_components(sample: Array, restore: Restore) -> Restore:
    """Return a form of the leading half of the principal components; they are not centred, to preserve cosines."""
    directions = np.linalg.eigh(sample.T.astype(np.float64) @ sample)[1][:, ::-1]
    axes = np.asarray(directions[:, : sample.shape[1] // 2], np.float32)
    return lambda vectors: restore(vectors @ axes) @ axes.T


def random_rotation(size: int, seed: int = 0) -> Array:
    """Return a random orthogonal matrix (size, size)."""
    return np.asarray(np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0], np.float32)
