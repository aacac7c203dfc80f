"""Blocks of papers that were encoded elsewhere, one file each, for `citedesk index --embedded`.

A block is named by its papers and the recipe, so that a job that is run again finds what it has already done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from rag.corpus.files import replacing
from rag.errors import CorpusError
from rag.index.generations import Recipe
from rag.index.staging import EmbeddedPaper
from rag.models.encoder import TokenVectors
from rag.types import Chunk, Paper, chunk_id


class Block:
    """The encoded papers of one file."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = arrays

    def papers(self, wanted: Mapping[str, Paper], digests: Mapping[str, str]) -> list[EmbeddedPaper]:
        """Return those of some papers that are in the block with the wanted digest."""
        found = []
        chunks, tokens = (np.cumsum([0, *self._arrays[name]]) for name in ("chunks", "tokens"))
        for i, (paper_id, digest) in enumerate(zip(*(self._arrays[name].tolist() for name in _KEYS), strict=True)):
            if paper_id in wanted and digests[paper_id] == digest:
                own, rows = slice(chunks[i], chunks[i + 1]), slice(tokens[i], tokens[i + 1])
                found.append(
                    EmbeddedPaper(
                        wanted[paper_id],
                        digest,
                        tuple(_chunks(wanted[paper_id], self._arrays["bounds"][own].tolist())),
                        self._arrays["vectors"][own],
                        TokenVectors(self._arrays["token_vectors"][rows], self._arrays["spans"][rows]),
                    )
                )
        return found


_KEYS = ("paper_ids", "digests")


def block_path(folder: Path, recipe: Recipe, digests: Sequence[str]) -> Path:
    """Return the file of the block of papers with these digests."""
    content = hashlib.sha256(repr((_vector_recipe(recipe), list(digests))).encode()).hexdigest()
    return folder / f"{content[:24]}.npz"


def write_block(folder: Path, recipe: Recipe, asked: Sequence[str], papers: Sequence[EmbeddedPaper]) -> None:
    """Write a block; `asked` are the digests that name it, also those of papers that could not be encoded."""
    with replacing(block_path(folder, recipe, asked)) as file:
        np.savez(
            file,
            recipe=np.array(_vector_recipe(recipe)),
            paper_ids=np.array([each.paper.paper_id for each in papers], np.str_),
            digests=np.array([each.digest for each in papers], np.str_),
            chunks=np.array([len(each.chunks) for each in papers], np.int64),
            bounds=np.array([(x.start, x.end) for each in papers for x in each.chunks], np.int64).reshape(-1, 2),
            vectors=_joined([each.vectors for each in papers]),
            tokens=np.array([len(each.tokens.spans) for each in papers], np.int64),
            token_vectors=_joined([each.tokens.vectors for each in papers]),
            spans=_joined([each.tokens.spans for each in papers]),
        )


def read_blocks(folder: Path, recipe: Recipe) -> Iterator[Block]:
    """Yield the blocks of a folder that were encoded by a recipe; raises CorpusError for a folder without any."""
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise CorpusError(f"{folder} has no encoded papers. Name the folder that `rag.index.bulk` has written.")
    for path in paths:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if str(arrays["recipe"]) == _vector_recipe(recipe):
                    yield Block({name: arrays[name] for name in arrays.files})
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise CorpusError(f"{path} is damaged ({error}). Delete it, and run the job again.") from None


def _vector_recipe(recipe: Recipe) -> str:
    """Return what of a recipe the vectors depend on: not where they are kept, nor in which format."""
    return repr((recipe.encoder, recipe.embedder, recipe.chunk_tokens, recipe.chunk_overlap))


def _chunks(paper: Paper, bounds: Sequence[tuple[int, int]]) -> Iterator[Chunk]:
    for i, (start, end) in enumerate(bounds):
        yield Chunk(chunk_id(paper.paper_id, i), paper.paper_id, paper.abstract[start:end], start, end)


def _joined(arrays: Sequence[Any]) -> Any:
    return np.concatenate(arrays) if arrays else np.empty(0)
