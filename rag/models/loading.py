"""Loading of the configured models."""

from __future__ import annotations

from dataclasses import dataclass

from rag.models.cross_encoder import CrossEncoder, load_cross_encoder
from rag.models.encoder import Encoder, load_encoder
from rag.models.token_encoder import TokenEncoder, load_token_encoder
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Models:
    """The loaded models; `token_encoder` is None without token vectors, `cross_encoder` without reranking."""

    encoder: Encoder
    token_encoder: TokenEncoder | None = None
    cross_encoder: CrossEncoder | None = None


def load_index_models(settings: Settings) -> Models:
    """Load the models for indexing; raises ModelUnavailable."""
    return Models(load_encoder(settings.embed_model), load_token_encoder(settings.late_model))


def load_models(settings: Settings) -> Models:
    """Load the models for answering questions; raises ModelUnavailable."""
    cross_encoder = load_cross_encoder() if settings.rerank_depth else None
    return Models(load_encoder(settings.embed_model), load_token_encoder(settings.late_model), cross_encoder)
