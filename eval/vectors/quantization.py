"""Fitting of product quantization to the token vectors of abstracts outside the collection.

Jégou, Douze and Schmid, PAMI 2011; Ge, He, Ke and Sun, Optimized Product Quantization, PAMI 2014, section 4.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.vectors.embedded import Embedded, embed
from rag.corpus.files import parse_json_lines, read_text
from rag.models.encoder import OnnxEncoder
from rag.models.onnx import Array
from rag.models.token_codec import LEVELS, TokenCodec
from rag.settings import Settings
from rag.types import Paper

_ABSTRACTS = 1500
_VECTORS = 100_000
_ROUNDS = 10
_SEED = 0


def embed_sample(corpus: Path, encoder: OnnxEncoder, settings: Settings, cache: Path) -> Embedded:
    """Embed some abstracts of a corpus.jsonl, or read them from the folder in which they are kept."""
    records = [each for _, each in parse_json_lines(read_text(corpus)) if not isinstance(each, ValueError)]
    chosen = random.Random(_SEED).sample(records, _ABSTRACTS)
    papers = [Paper(each["id"], each["title"], each["text"]) for each in chosen]
    return embed(papers, encoder, settings, cache, "sample")


def chosen_tokens(sample: Embedded) -> Array:
    """Return some of a sample's token vectors (n, 128), to which a codebook is fitted."""
    count = min(_VECTORS, len(sample.tokens))
    chosen = np.random.default_rng(_SEED).choice(len(sample.tokens), count, replace=False)
    return sample.tokens[chosen].astype(np.float32)


def fit_codec(vectors: Array, parts: int) -> TokenCodec:
    """Fit a codec of some parts to unit vectors (n, 128), of which there should be many thousand."""
    return TokenCodec(*fit_codebook(vectors, parts))


def fit_codebook(vectors: Array, parts: int) -> tuple[Array, Array]:
    """Return the rotation (128, 128) and the code vectors (parts, 256, 128 / parts)."""
    rotation = balanced_rotation(vectors, parts)
    pieces = np.split(vectors @ rotation, parts, axis=1)
    return rotation, np.stack([k_means(np.ascontiguousarray(piece), LEVELS) for piece in pieces])


def balanced_rotation(vectors: Array, parts: int) -> Array:
    """Return the principal directions (128, 128), shared out so that the variances of all parts have similar products.

    Greedy, as Ge et al. do: each direction goes to the part of the smallest product that has room.
    """
    variances, directions = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors / len(vectors))
    weights = np.log(np.maximum(variances / variances[-1], 1e-9)) - np.log(1e-9)
    groups: list[list[int]] = [[] for _ in range(parts)]
    for i in np.argsort(-weights, kind="stable").tolist():
        room = [group for group in groups if len(group) < len(weights) // parts]
        min(room, key=lambda group: sum(weights[group])).append(i)
    return np.asarray(directions[:, [i for group in groups for i in group]], np.float32)


def k_means(points: Array, k: int, seed: int = _SEED) -> Array:
    """Return k centres (k, width) of points by Lloyd's algorithm; a centre without points moves to a random one."""
    random_points = np.random.default_rng(seed)
    centres = points[random_points.choice(len(points), k, replace=False)]
    for _ in range(_ROUNDS):
        found = nearest(points, centres)
        counts = np.bincount(found, minlength=k)
        sums = np.stack([np.bincount(found, column, k) for column in points.T], axis=1)
        means = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
        centres = np.where(counts[:, None] > 0, means, points[random_points.choice(len(points), k)])
    return centres


def nearest(points: Array, centres: Array) -> NDArray[np.int64]:
    """Return the number of the nearest centre of each point."""
    halves = (centres * centres).sum(axis=1) / 2
    batches = np.array_split(points, len(points) // 4096 + 1)
    return np.concatenate([(batch @ centres.T - halves).argmax(axis=1) for batch in batches])
