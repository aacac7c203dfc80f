"""Loading of the configured models."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from rag.corpus.files import file_sha256
from rag.errors import ModelUnavailable
from rag.models.cross_encoder import CrossEncoder, load_cross_encoder, load_reranker
from rag.models.embedder import Embedder, embedder_fingerprint, load_embedder
from rag.models.embedding_endpoint import EndpointEmbedder
from rag.models.encoder import FOLDER, Encoder, load_encoder
from rag.models.onnx import REMEDY, read_metadata
from rag.models.token_codec import CODEBOOK, TokenCodec, load_token_codec
from rag.settings import OWN_ENCODER, Settings

_VERIFIED = "verified.json"  # in the home folder: the weights that were compared with their hashes


@dataclass(frozen=True, slots=True)
class Models:
    """The loaded models.

    `cross_encoder` is None without reranking; `embedder` is None unless another model's vectors replace those of the
    encoder. `second_reader` returns the deeper cross-encoder, which few questions need, and loads it the first time.
    """

    encoder: Encoder
    cross_encoder: CrossEncoder | None = None
    embedder: Embedder | None = None
    second_reader: Callable[[], CrossEncoder] | None = None


def load_index_models(settings: Settings) -> Models:
    """Load the models for indexing; raises ModelUnavailable."""
    own = encoder_folder(settings.embed_model)
    if settings.device == "cuda":
        encoder = _load_encoder_on_gpu(own or FOLDER)
    else:
        encoder = load_encoder(own or FOLDER, settings.home / _VERIFIED)
    return Models(encoder, embedder=None if own else _embedder(settings))


def load_models(settings: Settings) -> Models:
    """Load the models for answering questions, on the CPU; raises ModelUnavailable."""
    models = load_index_models(replace(settings, device="cpu"))
    if not settings.rerank_depth:
        return models
    verified = settings.home / _VERIFIED
    return replace(
        models,
        cross_encoder=load_reranker(verified=verified),
        second_reader=partial(load_deep_cross_encoder, settings.home),
    )


@cache
def load_deep_cross_encoder(home: Path) -> CrossEncoder:
    """Load the cross-encoder that checks claims and reads a second time, once a process; raises ModelUnavailable."""
    return load_cross_encoder(verified=home / _VERIFIED)


def _embedder(settings: Settings) -> Embedder:
    return EndpointEmbedder(settings) if settings.embed_url else load_embedder(settings.embed_model)


def _load_encoder_on_gpu(folder: Path) -> Encoder:
    try:
        import onnx  # noqa: F401  (torch_encoder needs it later)

        from rag.models.torch_encoder import load_torch_encoder  # torch takes seconds to import
    except ImportError as error:
        raise ModelUnavailable(
            f"The device cuda needs {error.name}, which is not installed. Run `pip install 'citedesk[gpu]'`, or use "
            "--device cpu."
        ) from None
    return load_torch_encoder(folder)


def load_codec(name: str) -> TokenCodec:
    """Load the codec of the token vectors of the encoder that a setting names; raises ModelUnavailable."""
    return load_token_codec(encoder_folder(name) or FOLDER)


def encoder_folder(name: str) -> Path | None:
    """Return the folder of the encoder that a setting names, the included one or one trained like it; else None."""
    if name == OWN_ENCODER:
        return FOLDER
    return Path(name) if (Path(name) / "metadata.json").is_file() else None


def fingerprints(name: str) -> tuple[str, str]:
    """Return what identifies the encoder and the embedder that a setting names; "" where there is no embedder.

    An index built with others has to be rebuilt. No model is loaded; raises ModelUnavailable.
    """
    own = encoder_folder(name)
    return _encoder_fingerprint(own or FOLDER), "" if own else embedder_fingerprint(name)


def _encoder_fingerprint(folder: Path) -> str:
    """Return a hash of the encoder's weights and of its codebook."""
    try:
        codebook = file_sha256(folder / CODEBOOK)
    except OSError as error:
        raise ModelUnavailable(f"{folder / CODEBOOK} cannot be read ({error}). {REMEDY}") from None
    return hashlib.sha256(f"{read_metadata(folder)['model_sha256']} {codebook}".encode()).hexdigest()
