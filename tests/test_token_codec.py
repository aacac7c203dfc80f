from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.vectors.quantization import balanced_rotation, fit_codebook, fit_codec, k_means
from rag.errors import ModelUnavailable
from rag.models.encoder import FOLDER, OnnxEncoder
from rag.models.onnx import Array, l2_normalize
from rag.models.token_codec import CODEBOOK, DIMENSION, ROW_BYTES, load_token_codec
from tests.fakes import PAPERS


def clustered(count: int, seed: int = 0) -> Array:
    random = np.random.default_rng(seed)
    middles = random.normal(size=(40, DIMENSION)) * np.linspace(2, 0.1, DIMENSION)
    return l2_normalize(middles[random.integers(0, 40, count)] + 0.3 * random.normal(size=(count, DIMENSION)))


def test_codes_of_the_encoders_vectors_stay_close_to_them() -> None:
    (document,) = OnnxEncoder(FOLDER).exact_documents([(PAPERS[0].title, PAPERS[0].abstract)])
    codec = load_token_codec(FOLDER)
    codes = codec.encode(document.tokens)
    assert codes.dtype == np.uint8 and codes.shape == (len(document.tokens), ROW_BYTES)
    assert (l2_normalize(codec.decode(codes)) * document.tokens).sum(axis=1).mean() > 0.9


def test_similarities_are_the_products_with_what_codes_stand_for() -> None:
    codec = load_token_codec(FOLDER)
    codes = np.random.default_rng(1).integers(0, 256, (1000, ROW_BYTES)).astype(np.uint8)
    query, rows = clustered(7), np.random.default_rng(2).integers(0, 1000, 900)
    assert codec.similarities(query, codes[rows]) == pytest.approx(codec.decode(codes)[rows] @ query.T, abs=1e-4)
    assert codec.similarities(query, codes[:0]).shape == (0, 7)


def test_encoding_does_not_depend_on_the_rows_beside() -> None:
    codec, vectors = load_token_codec(FOLDER), clustered(5000)
    assert np.array_equal(codec.encode(vectors)[4990:], codec.encode(vectors[4990:]))


def test_scale_makes_the_product_with_the_vector_itself_one() -> None:
    codec, vectors = load_token_codec(FOLDER), clustered(200)
    products = (codec.decode(codec.encode(vectors)) * vectors).sum(axis=1)
    assert np.median(np.abs(products - 1)) < 0.002


def test_more_parts_lose_less() -> None:
    vectors = clustered(3000)
    lost = []
    for parts in (8, 32):
        codec = fit_codec(vectors, parts)
        lost.append(float(((codec.decode(codec.encode(vectors)) - vectors) ** 2).sum(axis=1).mean()))
    assert lost[1] < lost[0] / 2 < 0.2


def test_rotation_is_orthogonal_and_shares_out_the_variance() -> None:
    vectors = clustered(3000)
    rotation = balanced_rotation(vectors, 16)
    assert rotation.T @ rotation == pytest.approx(np.eye(DIMENSION), abs=1e-4)
    logs = np.log((vectors @ rotation).var(axis=0)).reshape(16, 8).sum(axis=1)
    assert np.ptp(logs) < np.ptp(np.log(vectors.var(axis=0)).reshape(16, 8).sum(axis=1)) / 2


def test_centres_are_the_means_of_separate_groups() -> None:
    points = np.array([[0, 0], [0, 2], [9, 9], [9, 11], [-8, 0], [-8, 2]], np.float32).repeat(20, axis=0)
    assert sorted(k_means(points, 120)[:, 0].tolist())[0] == -8
    assert len(fit_codebook(clustered(600), 64)[1]) == 64


def test_missing_codebook_and_that_of_another_encoder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load_token_codec(tmp_path)
    (tmp_path / CODEBOOK).write_bytes((FOLDER / CODEBOOK).read_bytes())
    (tmp_path / "metadata.json").write_text('{"model_sha256": "0000"}')
    with pytest.raises(ModelUnavailable, match="fitted to another encoder"):
        load_token_codec(tmp_path)
