"""Citedesk's library: answers about a collection of paper abstracts, with citations that can be checked.

Importing it costs nothing: the public names below load their modules on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Answer": "rag.answer",
    "Checked": "rag.answer",
    "Citation": "rag.answer",
    "Cited": "rag.answer",
    "CitedeskError": "rag.errors",
    "Done": "rag.answer",
    "Engine": "rag.engine",
    "Evidence": "rag.types",
    "Filters": "rag.types",
    "FirstHits": "rag.answer",
    "Hit": "rag.types",
    "Library": "rag.index.library",
    "Models": "rag.models.loading",
    "Overrides": "rag.types",
    "Paper": "rag.types",
    "Query": "rag.types",
    "Quote": "rag.types",
    "Ranker": "rag.retrieval.scoring",
    "Retrieved": "rag.answer",
    "Sentence": "rag.answer",
    "Settings": "rag.settings",
    "Token": "rag.answer",
    "build": "rag.engine",
    "load_ranker": "rag.retrieval.scoring",
    "load_settings": "rag.settings",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
