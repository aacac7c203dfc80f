"""The models in use, loaded together: what reads papers at index time, and questions later."""

from __future__ import annotations

from dataclasses import dataclass

from rag.models.cross_encoder import CrossEncoder, load_cross_encoder
from rag.models.encoder import Encoder, load_encoder
from rag.models.token_encoder import TokenEncoder, load_token_encoder
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Models:
    """An embedder, a late-interaction model where token vectors are kept, a cross-encoder where questions are asked."""

    encoder: Encoder
    token_encoder: TokenEncoder | None = None
    cross_encoder: CrossEncoder | None = None


def load_index_models(settings: Settings) -> Models:
    """Load the models that make an index's vectors; raises ModelUnavailable."""
    return Models(load_encoder(settings.embed_model), load_token_encoder(settings.late_model))


def load_models(settings: Settings) -> Models:
    """Load the models that read questions; raises ModelUnavailable."""
    scorer = load_cross_encoder() if settings.rerank_depth else None
    return Models(load_encoder(settings.embed_model), load_token_encoder(settings.late_model), scorer)
