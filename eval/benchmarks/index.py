"""Index a test set in a folder of its own, as any corpus is indexed; a second run reuses the index."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from eval.benchmarks.beir import TestSet
from rag.corpus.reader import Corpus
from rag.errors import UsageError
from rag.index.bm25 import K1, B, Bm25Index
from rag.index.generations import IndexFolder
from rag.index.library import Library, open_library
from rag.index.plan import BuildPlan, index_recipe
from rag.index.update import BatchProgress, update_index
from rag.index.vector_servers import connector
from rag.models.loading import Models
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class BM25:
    """The parameters of BM25, by default those of the search; raises UsageError for values out of range."""

    k1: float = K1
    b: float = B

    def __post_init__(self) -> None:
        if not self.k1 >= 0 or not 0 <= self.b <= 1:
            raise UsageError(f"--k1 {self.k1:g} --b {self.b:g}: k1 must be at least 0, and b between 0 and 1.")


def scratch_settings(settings: Settings, cache: Path, name: str) -> Settings:
    """Return settings whose home is a folder for this test set and recipe.

    Recipes do not evict each other, and the user's index is not touched.
    """
    known = index_recipe(settings)
    mark = hashlib.sha256(repr(known).encode()).hexdigest()[:8]
    model = re.sub(r"[^\w.-]+", "-", Path(settings.embed_model).name)
    return replace(settings, home=cache / name / f"{model}-{settings.chunk_tokens}-{mark}")


def open_indexed(
    settings: Settings,
    test_set: TestSet,
    bm25: BM25,
    load: Callable[[], Models],
    waiting: Callable[[], None],
    progress: BatchProgress | None = None,
) -> Library:
    """Update the index in `settings.home` to the test set, and open it; raises CitedeskError.

    A run that was stopped resumes. BM25, which takes seconds, is indexed by each run, so that a change of its
    parameters or of the tokenizer always takes effect.
    """
    folder = IndexFolder(settings.home)
    corpus = Corpus.of(test_set.papers)
    with folder.locked(waiting):
        plan = BuildPlan(
            corpus,
            index_recipe(settings),
            (test_set.name,),
            settings.saved_year,
            datetime.now(UTC),
            connect=connector(settings),
        )
        update_index(folder, plan, load, progress)
    library = open_library(settings)
    return replace(library, bm25=Bm25Index.build(list(library.papers.values()), bm25.k1, bm25.b))
