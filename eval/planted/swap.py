"""Which other paper a citation is changed to: any, or the one that looks most like the right one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from rag.index.bm25 import Bm25Index
from rag.index.library import Library
from rag.models.encoder import Encoder
from rag.types import Paper

_CHUNKS = 100  # that are looked at for one of another paper

Swap = Callable[[str, Paper], Paper | None]
"""Gives another paper than a sentence's own, or None where there is none."""


def any_other(papers: Sequence[Paper], seed: int) -> Swap:
    """Choose any other paper, the same one for the same sentence."""

    def swap(sentence: str, paper: Paper) -> Paper | None:
        others = [each for each in papers if each.paper_id != paper.paper_id]
        return random.Random(f"{seed}/{sentence}").choice(others) if others else None

    return swap


def nearest_by_vectors(library: Library, embedder: Encoder) -> Swap:
    """Choose the paper of the chunk nearest to the sentence by the index's own dense vectors."""

    def swap(sentence: str, paper: Paper) -> Paper | None:
        vector = embedder.encode_documents([sentence])[0]
        hits = library.vectors.search(vector, min(_CHUNKS, library.manifest.chunks))
        found = next((hit.paper_id for hit in hits if hit.paper_id != paper.paper_id), None)
        return library.papers[found] if found else None

    return swap


def nearest_by_words(papers: Sequence[Paper]) -> Swap:
    """Choose the paper nearest to the sentence by BM25, for papers that no index holds."""
    lexical = Bm25Index.build(papers)

    def swap(sentence: str, paper: Paper) -> Paper | None:
        scores = lexical.scores(sentence)
        order = sorted(range(len(papers)), key=lambda i: -float(scores[i]))
        return next((papers[i] for i in order if papers[i].paper_id != paper.paper_id), None)

    return swap
