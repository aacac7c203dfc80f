from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from rag.errors import EmbeddingFailed, ModelUnavailable
from rag.models.encoder import Embedder, fingerprint, load_embedder
from rag.models.onnx import unit
from rag.models.registry import BUNDLED, locate, recognise, verify

BGE = BUNDLED["bge-small-en-v1.5"]


@pytest.fixture(scope="module")
def bge() -> Embedder:
    return load_embedder(BGE.name)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(locate(BGE), tmp_path / "bge"))


def test_default_model_embeds_like_beside_like(bge: Embedder) -> None:
    texts = ["KV cache compression for transformers", "Growing tomatoes on a balcony"]
    documents = bge.embed_documents(texts)
    assert (documents.shape, documents.dtype) == ((2, 384), np.float32)
    assert np.linalg.norm(documents, axis=1) == pytest.approx([1, 1], abs=1e-5)
    cosines = documents @ bge.embed_query("Which papers shrink the key-value cache?")
    assert cosines[0] > cosines[1] + 0.1


def test_vector_of_a_text_hardly_depends_on_its_batch(bge: Embedder) -> None:
    alone = bge.embed_documents(["a short text"])[0]
    among = bge.embed_documents(["a much longer text " * 20, "a short text"])[1]
    assert float(alone @ among) > 0.99


def test_tokens_are_whole_and_without_special_ones(bge: Embedder) -> None:
    assert len(bge.tokenize("word " * 1000)) == 1000


def test_weights_that_changed_are_refused(copy: Path) -> None:
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelUnavailable, match=r"is not the bge-small.*Reinstall"):
        verify(BGE, copy)


def test_bundled_weights_are_checked_before_they_are_loaded(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "model.onnx").write_bytes(b"not what was recorded")
    monkeypatch.setattr("rag.models.registry.locate", lambda model: copy)
    with pytest.raises(ModelUnavailable, match="is not the bge-small"):
        load_embedder(BGE.name)


def test_question_is_embedded_with_the_models_prompt(bge: Embedder) -> None:
    prompted = bge.embed_documents(["Represent this sentence for searching relevant passages: caches"])[0]
    assert np.array_equal(bge.embed_query("caches"), prompted)


def test_vector_without_a_direction_is_refused() -> None:
    for row in ([0.0, 0.0], [float("nan"), 1.0]):
        with pytest.raises(EmbeddingFailed, match="zero or not a number"):
            unit(np.array([[1.0, 0.0], row]))


def test_folder_with_a_copy_of_a_bundled_model_can_be_named(copy: Path, bge: Embedder) -> None:
    assert recognise(copy, "embed") == BGE
    assert np.array_equal(load_embedder(str(copy)).embed_query("a"), bge.embed_query("a"))


def test_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="holds no sentence-transformers model"):
        load_embedder(str(tmp_path))


def test_fingerprint_knows_the_weights_without_loading_them(copy: Path) -> None:
    assert fingerprint(BGE.name) == f"{BGE.name} sha256:{BGE.sha256}"
    assert fingerprint(str(copy)) == f"bge sha256:{BGE.sha256}"
    assert fingerprint("someone/model") == "someone/model"


@pytest.mark.slow
def test_hub_id_that_cannot_be_reached_is_a_clear_error() -> None:
    with pytest.raises(ModelUnavailable, match=r"no-such/model cannot be loaded.*CITEDESK_EMBED_MODEL"):
        load_embedder("no-such/model")


@pytest.mark.slow
@pytest.mark.model
def test_sentence_transformers_model_is_loaded() -> None:
    minilm = load_embedder("all-MiniLM-L6-v2")
    documents = minilm.embed_documents(["KV cache compression", "Growing tomatoes"])
    assert documents.shape == (2, 384)
    cosines = documents @ minilm.embed_query("key-value cache")
    assert cosines[0] > cosines[1] + 0.1
    assert minilm.max_tokens == 256
