"""An index opened for reading: papers, chunk vectors, token vectors and BM25 index of one generation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.corpus.links import PaperLinks
from rag.corpus.records import paper_from_record
from rag.errors import REBUILD, IndexFailed
from rag.index.bm25 import Bm25Index
from rag.index.generations import (
    BM25,
    FORMAT,
    PAPERS,
    TOKEN_VECTORS,
    VECTORS,
    IndexFolder,
    Manifest,
    Recipe,
    read_manifest,
)
from rag.index.maxsim import MaxSimIndex, open_maxsim_index
from rag.index.vectors import VectorStore, open_vectors
from rag.models.loading import fingerprints
from rag.settings import OWN_ENCODER, Settings
from rag.types import Paper


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Library:
    """One generation; `papers` is in corpus order, and `positions` maps paper_id to its position in that order.

    `bm25` and `maxsim` identify papers by these positions.
    """

    manifest: Manifest
    papers: Mapping[str, Paper]
    positions: Mapping[str, int]
    vectors: VectorStore
    bm25: Bm25Index
    maxsim: MaxSimIndex
    links: PaperLinks

    def positions_of(self, paper_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the positions of papers in corpus order."""
        return np.array([self.positions[paper_id] for paper_id in paper_ids], np.int64)

    def close(self) -> None:
        """Close the files."""
        self.vectors.close()
        self.maxsim.close()


def load_papers(generation: Path) -> dict[str, Paper]:
    """Read the papers of a generation by id; raises IndexFailed if the file is damaged."""
    path = generation / PAPERS
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        papers = [paper_from_record(json.loads(line)) for line in lines if line]
    except (OSError, ValueError, AttributeError) as error:
        raise IndexFailed(f"{path} is damaged ({error}). {REBUILD}") from None
    return {paper.paper_id: paper for paper in papers}


def open_library(settings: Settings) -> Library:
    """Open the current generation; raises IndexMissing, or IndexFailed if it is damaged or of another model."""
    generation = IndexFolder(settings.home).current()
    manifest = read_manifest(generation)
    missing = [name for name in manifest.files if not (generation / name).is_file()]
    if missing:
        raise IndexFailed(f"The index in {generation} lacks {missing[0]}. {REBUILD}")
    _check_recipe(manifest.recipe, settings)
    papers = load_papers(generation)
    if papers.keys() != manifest.papers.keys():
        raise IndexFailed(f"{generation / PAPERS} does not contain the indexed papers. {REBUILD}")
    try:
        bm25 = Bm25Index.load(generation / BM25)
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise IndexFailed(f"{generation / BM25} is damaged ({error}). {REBUILD}") from None
    maxsim = open_maxsim_index(generation / TOKEN_VECTORS, list(papers))
    positions = {paper_id: position for position, paper_id in enumerate(papers)}
    vectors = open_vectors(generation / VECTORS)
    return Library(manifest, papers, positions, vectors, bm25, maxsim, PaperLinks(papers))


def _check_recipe(recipe: Recipe, settings: Settings) -> None:
    """Raise IndexFailed if an index has another format, or was built with other models than configured."""
    if recipe.format != FORMAT:
        raise IndexFailed(
            f"The index has format {recipe.format}; this version reads {FORMAT}. Run `citedesk index` to rebuild it."
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
