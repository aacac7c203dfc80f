from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from rag.corpus.files import file_sha256
from rag.errors import ModelFailed, ModelUnavailable
from rag.models import cross_encoder, encoder, onnx
from rag.models.embedder import embedder_fingerprint, load_embedder
from rag.models.loading import encoder_folder, fingerprints, load_index_models, load_models
from rag.models.onnx import l2_normalize, open_tokenizer, read_metadata, verified_metadata
from rag.models.token_codec import CODEBOOK
from rag.settings import Settings


def fake_model(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(weights)
    (folder / CODEBOOK).write_bytes(b"codebook")
    (folder / "metadata.json").write_text(json.dumps({"model_sha256": hashlib.sha256(b"weights").hexdigest()}))
    return folder


@pytest.mark.parametrize("folder", [encoder.FOLDER, cross_encoder.FOLDER, cross_encoder.RERANKER])
def test_included_weights_are_those_recorded(folder: Path) -> None:
    assert verified_metadata(folder) == read_metadata(folder)


def test_weights_that_changed_are_refused_when_loaded(tmp_path: Path) -> None:
    folder = fake_model(tmp_path / "model", b"other weights")
    with pytest.raises(
        ModelUnavailable, match=r"model.onnx is damaged \(sha256 .*, expected .*\)\. Reinstall Citedesk"
    ):
        encoder.load_encoder(folder)
    with pytest.raises(ModelUnavailable, match="is damaged"):
        cross_encoder.load_cross_encoder(folder)


def test_weights_are_hashed_once_for_each_state_of_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    monkeypatch.setattr(onnx, "file_sha256", lambda path: hashed.append(path) or file_sha256(path))
    folder, verified = fake_model(tmp_path / "model"), tmp_path / "verified.json"
    other = fake_model(tmp_path / "other")
    for each in (folder, other, folder, other):
        verified_metadata(each, verified)
    assert hashed == [folder / "model.onnx", other / "model.onnx"]
    (folder / "model.onnx").write_bytes(b"damaged")
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="is damaged"):
            verified_metadata(folder, verified)
    assert len(hashed) == 4


@pytest.mark.parametrize("content", ["", "[]", '{"model": 1}'])
def test_weights_are_hashed_where_nothing_usable_is_remembered(tmp_path: Path, content: str) -> None:
    folder, verified = fake_model(tmp_path / "model", b"other weights"), tmp_path / "verified.json"
    verified.write_text(content)
    with pytest.raises(ModelUnavailable, match="is damaged"):
        verified_metadata(folder, verified)


def test_weights_load_where_nothing_can_be_remembered(tmp_path: Path) -> None:
    folder = fake_model(tmp_path / "model")
    assert verified_metadata(folder, tmp_path / "no folder" / "verified.json") == read_metadata(folder)


def test_file_that_is_missing_or_unreadable_is_named_with_the_remedy(tmp_path: Path) -> None:
    folder = fake_model(tmp_path / "model")
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelUnavailable, match=r"model.onnx is missing\. Reinstall Citedesk"):
        verified_metadata(folder)
    for content in ("{", "[]", "{}"):
        (folder / "metadata.json").write_text(content)
        with pytest.raises(ModelUnavailable, match=r"metadata.json cannot be read .*\. Reinstall Citedesk"):
            verified_metadata(folder)
    shutil.copy(encoder.FOLDER / "metadata.json", folder)
    shutil.copy(encoder.FOLDER / "model.onnx", folder)
    with pytest.raises(ModelUnavailable, match=r"tokenizer.json cannot be read .*\. Reinstall Citedesk"):
        encoder.load_encoder(folder)


def test_cross_encoder_is_loaded_where_it_is_used() -> None:
    assert load_models(Settings()).cross_encoder is not None
    assert load_models(Settings(rerank_depth=0)).cross_encoder is None
    models = load_index_models(Settings())
    assert (models.cross_encoder, models.embedder) == (None, None)


def test_encoder_trained_like_the_included_one_is_named_by_its_folder(tmp_path: Path) -> None:
    own = fake_model(tmp_path / "own")
    assert encoder_folder("citedesk-encoder") == encoder.FOLDER
    assert encoder_folder(str(own)) == own
    assert encoder_folder("someone/model") is encoder_folder(str(tmp_path)) is None
    assert fingerprints(str(own))[1] == ""


def test_fingerprint_of_the_encoder_is_that_of_its_weights_and_its_codebook(tmp_path: Path) -> None:
    own = fake_model(tmp_path / "own")
    before = fingerprints(str(own))
    assert fingerprints(str(own)) == before
    (own / CODEBOOK).write_bytes(b"another")
    changed = fingerprints(str(own))
    assert changed != before
    (own / "metadata.json").write_text('{"model_sha256": "0000"}')
    assert fingerprints(str(own)) not in (before, changed)
    (own / CODEBOOK).unlink()
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        fingerprints(str(own))


def test_fingerprints_name_the_encoder_and_another_embedder() -> None:
    own, embedder = fingerprints("citedesk-encoder")
    assert embedder == ""
    assert fingerprints("someone/model") == (own, "someone/model")


def test_fingerprint_of_a_folder_has_the_hash_of_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    expected = hashlib.sha256(b"weights").hexdigest()
    assert embedder_fingerprint(str(tmp_path)) == f"{tmp_path.name} sha256:{expected}"


def test_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"contains no sentence-transformers model\. Set CITEDESK_EMBED_MODEL"):
        load_embedder(str(tmp_path))


def test_model_of_an_extra_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelUnavailable, match=r"Run `pip install 'citedesk\[embedders\]'`, or remove CITEDESK_EMBED"):
        load_embedder("someone/model")


@pytest.mark.slow
def test_sentence_transformers_model_of_a_folder_embeds(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="of the extra embedders")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "caches", "robots")
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=32, **sizes)).save_pretrained(tmp_path)
    BertTokenizerFast(str(tmp_path / "vocab.txt"), model_max_length=32).save_pretrained(tmp_path)
    body = Transformer(str(tmp_path))
    SentenceTransformer(modules=[body, Pooling(16)]).save(str(tmp_path / "model"))
    embedder = load_embedder(str(tmp_path / "model"))
    vectors = embedder.encode_documents(["caches", "robots", "caches"])
    assert (vectors.shape, embedder.max_tokens) == ((3, 16), 32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] == pytest.approx(embedder.encode_query("caches"), abs=1e-5)


@pytest.mark.slow
def test_hub_id_that_cannot_be_reached_is_a_clear_error() -> None:
    with pytest.raises(ModelUnavailable, match=r"no-such/model cannot be loaded.*CITEDESK_EMBED_MODEL"):
        load_embedder("no-such/model")


@pytest.mark.slow
@pytest.mark.model
def test_sentence_transformers_model_is_loaded() -> None:
    minilm = load_embedder("sentence-transformers/all-MiniLM-L6-v2")
    documents = minilm.encode_documents(["KV cache compression", "Growing tomatoes"])
    assert documents.shape == (2, 384)
    cosines = documents @ minilm.encode_query("key-value cache")
    assert cosines[0] > cosines[1] + 0.1
    assert minilm.max_tokens == 256


def test_vector_without_a_direction_is_refused() -> None:
    for row in ([0.0, 0.0], [float("nan"), 1.0]):
        with pytest.raises(ModelFailed, match="zero or not finite"):
            l2_normalize(np.array([[1.0, 0.0], row]))


def test_encoder_opens_its_tokenizer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(encoder, "open_tokenizer", lambda folder: opened.append(folder) or open_tokenizer(folder))
    encoder.load_encoder()
    assert opened == [encoder.FOLDER]
