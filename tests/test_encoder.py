from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelFailed, ModelUnavailable
from rag.models.encoder import Encoder, encoder_fingerprint, load_encoder
from rag.models.onnx import l2_normalize
from rag.models.registry import BUNDLED, locate_bundled, recognize_copy, verify_weights

BGE = BUNDLED["bge-small-en-v1.5"]


@pytest.fixture(scope="module")
def bge() -> Encoder:
    return load_encoder(BGE.name)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(locate_bundled(BGE), tmp_path / "bge"))


def test_default_model_embeds_like_beside_like(bge: Encoder) -> None:
    texts = ["KV cache compression for transformers", "Growing tomatoes on a balcony"]
    documents = bge.encode_documents(texts)
    assert (documents.shape, documents.dtype) == ((2, 384), np.float32)
    assert np.linalg.norm(documents, axis=1) == pytest.approx([1, 1], abs=1e-5)
    cosines = documents @ bge.encode_query("Which papers shrink the key-value cache?")
    assert cosines[0] > cosines[1] + 0.1


def test_vector_of_a_text_hardly_depends_on_its_batch(bge: Encoder) -> None:
    alone = bge.encode_documents(["a short text"])[0]
    among = bge.encode_documents(["a much longer text " * 20, "a short text"])[1]
    assert float(alone @ among) > 0.99


def test_tokens_are_whole_and_without_special_ones(bge: Encoder) -> None:
    assert len(bge.tokenize("word " * 1000)) == 1000


def test_weights_that_changed_are_refused(copy: Path) -> None:
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelUnavailable, match=r"is not the recorded bge-small.*Reinstall"):
        verify_weights(BGE, copy)


def test_bundled_weights_are_checked_before_they_are_loaded(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "model.onnx").write_bytes(b"not what was recorded")
    monkeypatch.setattr("rag.models.registry.locate_bundled", lambda model: copy)
    with pytest.raises(ModelUnavailable, match="is not the recorded bge-small"):
        load_encoder(BGE.name)


def test_question_is_embedded_with_the_models_prompt(bge: Encoder) -> None:
    prompted = bge.encode_documents(["Represent this sentence for searching relevant passages: caches"])[0]
    assert np.array_equal(bge.encode_query("caches"), prompted)


def test_vector_without_a_direction_is_refused() -> None:
    for row in ([0.0, 0.0], [float("nan"), 1.0]):
        with pytest.raises(ModelFailed, match="zero or not finite"):
            l2_normalize(np.array([[1.0, 0.0], row]))


def test_folder_with_a_copy_of_a_bundled_model_can_be_named(copy: Path, bge: Encoder) -> None:
    assert recognize_copy(copy, "embed") == BGE
    assert np.array_equal(load_encoder(str(copy)).encode_query("a"), bge.encode_query("a"))


def test_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="contains neither a sentence-transformers model"):
        load_encoder(str(tmp_path))


def test_fingerprint_knows_the_weights_without_loading_them(copy: Path) -> None:
    assert encoder_fingerprint(BGE.name) == f"{BGE.name} sha256:{BGE.sha256}"
    assert encoder_fingerprint(str(copy)) == f"bge sha256:{BGE.sha256}"
    assert encoder_fingerprint("someone/model") == "someone/model"


@pytest.mark.slow
def test_hub_id_that_cannot_be_reached_is_a_clear_error() -> None:
    with pytest.raises(ModelUnavailable, match=r"no-such/model cannot be loaded.*CITEDESK_EMBED_MODEL"):
        load_encoder("no-such/model")


@pytest.mark.slow
@pytest.mark.model
def test_sentence_transformers_model_is_loaded() -> None:
    minilm = load_encoder("all-MiniLM-L6-v2")
    documents = minilm.encode_documents(["KV cache compression", "Growing tomatoes"])
    assert documents.shape == (2, 384)
    cosines = documents @ minilm.encode_query("key-value cache")
    assert cosines[0] > cosines[1] + 0.1
    assert minilm.max_tokens == 256
