"""An index opened for reading: the papers of one generation, their vectors and their BM25 index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.embed import fingerprint
from rag.errors import REBUILD, IndexFailed
from rag.generations import LEXICAL, PAPERS, VECTORS, IndexFolder, Manifest, read_manifest
from rag.lexical import LexicalIndex
from rag.records import paper_from_record
from rag.settings import Settings
from rag.types import Paper
from rag.vectors import VectorStore, open_vectors


@dataclass(frozen=True, slots=True)
class Library:
    """One generation; `papers` is in corpus order, which is also the order of the BM25 index."""

    manifest: Manifest
    papers: Mapping[str, Paper]
    vectors: VectorStore
    lexical: LexicalIndex

    def close(self) -> None:
        """Let go of the files."""
        self.vectors.close()


def load_papers(generation: Path) -> dict[str, Paper]:
    """Read the papers of a generation by id; raises IndexFailed where it is damaged."""
    path = generation / PAPERS
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        papers = [paper_from_record(json.loads(line)) for line in lines if line]
    except (OSError, ValueError, AttributeError) as error:
        raise IndexFailed(f"{path} is damaged ({error}). {REBUILD}") from None
    return {paper.paper_id: paper for paper in papers}


def open_library(settings: Settings) -> Library:
    """Open the index in use; raises IndexMissing or IndexFailed, also where it was built with another model."""
    generation = IndexFolder(settings.home).current()
    manifest = read_manifest(generation)
    missing = [name for name in manifest.files if not (generation / name).is_file()]
    if missing:
        raise IndexFailed(f"The index in {generation} lacks {missing[0]}. {REBUILD}")
    wanted = fingerprint(settings.embed_model)
    if manifest.recipe.embedding != wanted:
        raise IndexFailed(
            f"The index was built with the model {manifest.recipe.embedding.split()[0]}, but CITEDESK_EMBED_MODEL "
            f"names {settings.embed_model}. Run `citedesk index` to rebuild it, or name the model it was built with."
        )
    papers = load_papers(generation)
    if papers.keys() != manifest.papers.keys():
        raise IndexFailed(f"{generation / PAPERS} does not hold the indexed papers. {REBUILD}")
    try:
        lexical = LexicalIndex.load(generation / LEXICAL)
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise IndexFailed(f"{generation / LEXICAL} is damaged ({error}). {REBUILD}") from None
    return Library(manifest, papers, open_vectors(generation / VECTORS), lexical)
