"""The projection of token vectors: principal components of those of abstracts that are not the collection's."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.corpus.files import parse_json_lines, read_text
from rag.errors import UsageError
from rag.models.onnx import OnnxModel, l2_normalize, open_tokenizer
from rag.models.registry import find_bundled
from rag.models.token_encoder import DIMENSION, DOCUMENT_MARKER
from rag.settings import Settings

_SAMPLE = 600  # abstracts
_SEED = 0


def fit_projection(corpus: Path) -> tuple[NDArray[np.float16], str]:
    """Give the projection (384, 128), and the SHA-256 of the corpus it was made from; raises UsageError.

    `corpus` is a test set's corpus.jsonl with `title` and `text`. Principal components of unit vectors, not centred:
    cosines are what has to be kept.
    """
    lines = (record for _, record in parse_json_lines(read_text(corpus)))
    records = [record for record in lines if not isinstance(record, ValueError) and {"title", "text"} <= record.keys()]
    if len(records) < _SAMPLE:
        raise UsageError(f"{corpus} holds {len(records)} documents: name a corpus with at least {_SAMPLE}.")
    sample = random.Random(_SEED).sample(records, _SAMPLE)
    products = sum_of_products(_token_vectors([f"{each['title']}. {each['text']}" for each in sample]))
    directions = np.linalg.eigh(products)[1][:, ::-1][:, :DIMENSION]
    return directions.astype(np.float16), hashlib.sha256(corpus.read_bytes()).hexdigest()


def _token_vectors(texts: Sequence[str]) -> Iterator[NDArray[np.float32]]:
    """Embed each text's tokens with the default model, as it is bundled: unit vectors (n, 384)."""
    folder, known = find_bundled(Settings().late_model, "late")
    model, tokenizer = OnnxModel(folder), open_tokenizer(folder, known.max_tokens, DOCUMENT_MARKER)
    for encoding in tokenizer.encode_batch(texts):
        yield l2_normalize(model.run([encoding])[0])


def sum_of_products(vectors: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Add up vᵀv over batches of vectors (n, dimension)."""
    total: NDArray[np.float64] | float = 0.0
    for batch in vectors:
        exact = batch.astype(np.float64)
        total = total + exact.T @ exact
    return np.asarray(total)
