"""The plan of an index run: which corpus to index, and with which models."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rag.corpus.cleaned import CleanedRecords
from rag.corpus.reader import Corpus, read_corpus
from rag.errors import IndexFailed, IndexMissing, UsageError
from rag.index.generations import IndexFolder, Manifest, Recipe, damaged_files
from rag.index.papers import open_papers
from rag.index.vector_servers import Connect, connector, server_kind
from rag.models.loading import fingerprints
from rag.settings import Configuration, Settings


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What to index and how; `now` is the time stamp of the generation, `rebuild` discards existing vectors.

    `connect` opens the vectors on the server of the recipe; it is None where they are kept in the index folder.
    `embedded` is a folder with blocks of papers that were encoded elsewhere.
    """

    corpus: Corpus
    recipe: Recipe
    sources: tuple[str, ...]
    saved_year: int
    now: datetime
    rebuild: bool = False
    abstracts_only: bool = False
    connect: Connect | None = None
    embedded: Path | None = None


def plan_build(
    folder: IndexFolder,
    configuration: Configuration,
    paths: Sequence[Path],
    now: datetime,
    rebuild: bool = False,
    abstracts_only: bool = False,
) -> BuildPlan:
    """Read the corpus to index; raises UsageError, CorpusError, or IndexFailed for a damaged index.

    Without `paths` the corpus is CITEDESK_CORPUS, else that of the current index, else the default corpus. The
    defaults of `saved_year` and `abstracts_only` are those of the current index, too. Of records that have not changed
    since, the papers come from it.
    """
    settings = configuration.settings
    current = None if paths else folder.newest_manifest()
    sources = sources_to_index(folder, configuration, paths)
    saved_year = settings.saved_year
    if current and configuration.sources["saved_year"] == "default":
        saved_year = current.saved_year
    abstracts_only = abstracts_only or (current is not None and current.abstracts_only)
    return BuildPlan(
        corpus=read_corpus(sources, saved_year, abstracts_only, None if rebuild else _cleaned_before(folder)),
        recipe=index_recipe(settings),
        sources=tuple(str(path) for path in sources),
        saved_year=saved_year,
        now=now,
        rebuild=rebuild,
        abstracts_only=abstracts_only,
        connect=connector(settings),
    )


def sources_to_index(folder: IndexFolder, configuration: Configuration, paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the absolute paths of the corpus; raises UsageError if there is none."""
    current = None if paths else folder.newest_manifest()
    return tuple(path.resolve() for path in paths or _default_sources(configuration, current))


def index_recipe(settings: Settings) -> Recipe:
    """Return the recipe that the settings describe."""
    encoder, embedder = fingerprints(settings.embed_model)
    return Recipe(encoder, settings.chunk_tokens, settings.chunk_overlap, embedder, server_kind(settings))


def _cleaned_before(folder: IndexFolder) -> CleanedRecords | None:
    """Return what the current index knows of records; None without one that is intact."""
    with suppress(IndexMissing, IndexFailed):
        if not damaged_files(folder.current(), folder.manifest()):
            return open_papers(folder.current()).cleaned()
    return None


def _default_sources(configuration: Configuration, current: Manifest | None) -> list[Path]:
    if current and configuration.sources["corpus"] == "default":
        return [Path(source) for source in current.sources]
    if configuration.settings.corpus is None:
        raise UsageError("No corpus is set. Name a file or folder: `citedesk index PATH`")
    return [configuration.settings.corpus]
