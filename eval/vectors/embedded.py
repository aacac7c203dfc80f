"""Papers as the encoder embeds them, before any compression; kept in a folder, so that they are encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.index.chunks import Chunker
from rag.models.encoder import OnnxEncoder
from rag.models.onnx import Array
from rag.settings import Settings
from rag.types import Paper

_BLOCK = 1000  # papers of a file


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Papers' token vectors (n, 128), float16, with the tokens' ids (n,), and their chunks' vectors (m, 384).

    The tokens of paper i are rows `starts[i]` to `starts[i + 1]`, and chunk j is of paper `of[j]`.
    """

    tokens: NDArray[np.float16]
    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    vectors: Array
    of: NDArray[np.int64]

    @property
    def papers(self) -> int:
        """The number of papers."""
        return len(self.starts) - 1


def embed(papers: Sequence[Paper], encoder: OnnxEncoder, settings: Settings, folder: Path, name: str) -> Embedded:
    """Embed papers in blocks, or read those blocks that `folder` has under this name."""
    folder.mkdir(parents=True, exist_ok=True)
    chunker = Chunker(settings.chunk_tokens, settings.chunk_overlap, encoder.tokenize, encoder.max_tokens)
    blocks = []
    for number, first in enumerate(range(0, len(papers), _BLOCK)):
        path = folder / f"{name}-{number:03}.npz"
        if not path.exists():
            block = _embed(papers[first : first + _BLOCK], encoder, chunker)
            np.savez(path, **{field: getattr(block, field) for field in Embedded.__slots__})
        with np.load(path) as stored:
            blocks.append(Embedded(**{field: stored[field] for field in Embedded.__slots__}))
    return join(blocks)


def _embed(papers: Sequence[Paper], encoder: OnnxEncoder, chunker: Chunker) -> Embedded:
    chunks = [chunker.chunks(paper) for paper in papers]
    of = np.repeat(np.arange(len(papers)), [len(own) for own in chunks])
    found = encoder.exact_documents(
        [(paper.title, chunk.text) for paper, own in zip(papers, chunks, strict=True) for chunk in own]
    )
    counts = np.bincount(of, [len(each.ids) for each in found], len(papers)).astype(np.int64)
    tokens = np.concatenate([each.tokens.astype(np.float16) for each in found])
    ids = np.concatenate([each.ids for each in found])
    return Embedded(tokens, ids, np.append(0, np.cumsum(counts)), np.stack([each.vector for each in found]), of)


def join(parts: Sequence[Embedded]) -> Embedded:
    """Join papers, in order."""
    starts, of = [np.zeros(1, np.int64)], []
    papers = rows = 0
    for each in parts:
        starts.append(each.starts[1:] + rows)
        of.append(each.of + papers)
        papers, rows = papers + each.papers, rows + len(each.ids)
    joined = {name: np.concatenate([getattr(each, name) for each in parts]) for name in ("tokens", "ids", "vectors")}
    return Embedded(starts=np.concatenate(starts), of=np.concatenate(of), **joined)
