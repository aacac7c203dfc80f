"""An index opened for reading: papers, chunk vectors, token vectors and BM25 index of one generation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.corpus.links import PaperLinks
from rag.errors import REBUILD, IndexFailed
from rag.index.bm25 import Bm25Index, Postings
from rag.index.generations import (
    BM25,
    FORMAT,
    PAPERS,
    TOKEN_VECTORS,
    VECTORS,
    IndexFolder,
    Manifest,
    Recipe,
    damaged_files,
    read_manifest,
)
from rag.index.in_use import InUse
from rag.index.maxsim import MaxSimIndex, open_maxsim_index
from rag.index.papers import PaperStore, open_papers
from rag.index.server_vectors import open_server_vectors
from rag.index.vector_servers import connector, server_kind
from rag.index.vectors import VectorStore, open_vectors
from rag.models.loading import fingerprints, load_codec
from rag.settings import OWN_ENCODER, Settings
from rag.types import chunk_id


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Library:
    """One generation; `bm25` and `maxsim` identify papers by their position in the order of `papers`."""

    manifest: Manifest
    papers: PaperStore
    vectors: VectorStore
    bm25: Bm25Index
    maxsim: MaxSimIndex
    links: PaperLinks
    in_use: InUse

    def chunk_ids(self, positions: NDArray[np.int64]) -> list[str]:
        """Return the ids of the chunks of the papers at some positions."""
        counts, ids = self.papers.places["chunks"][positions].tolist(), self.papers.ids_at(positions)
        return [chunk_id(paper_id, i) for paper_id, count in zip(ids, counts, strict=True) for i in range(count)]

    def close(self) -> None:
        """Close the files."""
        self.papers.close()
        self.vectors.close()
        self.bm25.close()
        self.maxsim.close()
        self.in_use.close()


def open_library(settings: Settings, thorough: bool = False) -> Library:
    """Open the current generation; raises IndexMissing, or IndexFailed if it is damaged or of another model.

    Unless `thorough`, only files of a large index that were changed since it was published are compared with their
    hashes.
    """
    generation, in_use = IndexFolder(settings.home).use()
    manifest = read_manifest(generation)
    _check_recipe(manifest.recipe, settings)
    if damaged := damaged_files(generation, manifest, thorough):
        raise IndexFailed(f"The index in {generation} is damaged: {', '.join(damaged)}. {REBUILD}")
    papers = open_papers(generation)
    if len(papers) != manifest.papers:
        raise IndexFailed(f"{generation / PAPERS} does not contain the indexed papers. {REBUILD}")
    try:
        bm25 = Bm25Index(Postings.load(generation / BM25), papers.rows)
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise IndexFailed(f"{generation / BM25} is damaged ({error}). {REBUILD}") from None
    maxsim = open_maxsim_index(generation / TOKEN_VECTORS, papers.places, load_codec(settings.embed_model))
    connect, folder = connector(settings), generation / VECTORS
    vectors = open_server_vectors(folder, papers, connect) if connect else open_vectors(folder)
    return Library(manifest, papers, vectors, bm25, maxsim, PaperLinks(papers, bm25.papers_with_words), in_use)


def _check_recipe(recipe: Recipe, settings: Settings) -> None:
    """Raise IndexFailed if an index has another format, or was built with other models than configured."""
    if recipe.format != FORMAT:
        raise IndexFailed(
            f"The index has format {recipe.format}; this version reads {FORMAT}. Run `citedesk index` to rebuild it."
        )
    if recipe.server != server_kind(settings):
        before, now = (each or "the index folder" for each in (recipe.server, server_kind(settings)))
        raise IndexFailed(
            f"The vectors of the index are kept in {before}, but the settings name {now}. Run `citedesk index` to "
            "rebuild it, or correct CITEDESK_CHROMA_URL or CITEDESK_QDRANT_URL."
        )
    encoder, embedder = fingerprints(settings.embed_model)
    if recipe.embedder != embedder:
        before, now = (each.partition(" ")[0] or OWN_ENCODER for each in (recipe.embedder, embedder))
        found = f"other weights of {before}" if before == now else f"the model {before}"
        raise IndexFailed(
            f"The index was built with {found}, but CITEDESK_EMBED_MODEL names {settings.embed_model}. "
            "Run `citedesk index` to rebuild it, or set the model that it was built with."
        )
    if recipe.encoder != encoder:
        raise IndexFailed("The index was built with other weights of the encoder. Run `citedesk index` to rebuild it.")
