"""The models in use, loaded together: what reads papers at index time, and questions later."""

from __future__ import annotations

from dataclasses import dataclass

from rag.models.cross_encoder import PairScorer, load_scorer
from rag.models.encoder import Embedder, load_embedder
from rag.models.token_encoder import LateModel, load_late_model
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Models:
    """An embedder, a late-interaction model where token vectors are kept, a cross-encoder where questions are asked."""

    embedder: Embedder
    late: LateModel | None = None
    scorer: PairScorer | None = None


def load_index_models(settings: Settings) -> Models:
    """Load the models that make an index's vectors; raises ModelUnavailable."""
    return Models(load_embedder(settings.embed_model), load_late_model(settings.late_model))


def load_models(settings: Settings) -> Models:
    """Load the models that read questions; raises ModelUnavailable."""
    scorer = load_scorer() if settings.rerank_depth else None
    return Models(load_embedder(settings.embed_model), load_late_model(settings.late_model), scorer)
