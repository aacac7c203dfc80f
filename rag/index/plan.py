"""Which corpus an index run reads, and by which recipe and models it indexes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rag.corpus.reader import Corpus, read_corpus
from rag.errors import UsageError
from rag.index.generations import IndexFolder, Manifest, Recipe
from rag.models.encoder import encoder_fingerprint
from rag.models.token_encoder import token_encoder_fingerprint
from rag.settings import Configuration, Settings


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What is to be indexed and how; `now` stamps the generation."""

    corpus: Corpus
    recipe: Recipe
    sources: tuple[str, ...]
    saved_year: int
    now: datetime
    rebuild: bool = False


def plan_build(
    folder: IndexFolder, configuration: Configuration, paths: Sequence[Path], now: datetime, rebuild: bool = False
) -> BuildPlan:
    """Read the corpus that a run is to index; raises UsageError, CorpusError, or IndexFailed for a damaged index.

    Without `paths`: what CITEDESK_CORPUS names, else what the index in use was built from, else the default corpus.
    The year of saving is remembered in the same way.
    """
    settings = configuration.settings
    used = None if paths else folder.newest_manifest()
    sources = tuple(path.resolve() for path in paths or _default_sources(configuration, used))
    saved_year = settings.saved_year
    if used and configuration.sources["saved_year"] == "default":
        saved_year = used.saved_year
    return BuildPlan(
        corpus=read_corpus(sources, saved_year),
        recipe=index_recipe(settings),
        sources=tuple(str(path) for path in sources),
        saved_year=saved_year,
        now=now,
        rebuild=rebuild,
    )


def index_recipe(settings: Settings) -> Recipe:
    """Give what the settings say an index's vectors depend on."""
    return Recipe(
        encoder_fingerprint(settings.embed_model),
        settings.chunk_tokens,
        settings.chunk_overlap,
        token_encoder_fingerprint(settings.late_model),
    )


def _default_sources(configuration: Configuration, used: Manifest | None) -> list[Path]:
    if used and configuration.sources["corpus"] == "default":
        return [Path(source) for source in used.sources]
    if configuration.settings.corpus is None:
        raise UsageError("No corpus is named. Give a file or folder: citedesk index PATH")
    return [configuration.settings.corpus]
