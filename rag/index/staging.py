"""Staging of the next generation's vectors: chunk vectors in Chroma, and token vectors.

Writes are durable, so a killed run can be resumed. A paper is complete when it has both.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rag.corpus.files import fsync, write_atomic
from rag.index.generations import TOKEN_VECTORS, VECTORS, Recipe
from rag.index.token_vectors import TokenVectorStore, create_token_vectors, open_token_vectors
from rag.index.vectors import EmbeddedPaper, VectorStore, create_vectors, open_vectors

_LOG = "late-log"


class Staging:
    """Reads and writes the staging folder; created by `open_staging`."""

    def __init__(self, folder: Path, chunks: VectorStore, tokens: TokenVectorStore) -> None:
        self._folder = folder
        self._chunks = chunks
        self._tokens = tokens

    def digests(self) -> dict[str, str | None]:
        """Return the digest of each paper with vectors here, or None for an incomplete paper."""
        return _complete(self._chunks, self._tokens)

    def keep_only(self, wanted: Mapping[str, str]) -> None:
        """Delete the papers whose digest is not the wanted one."""
        self._chunks.remove(paper_id for paper_id, known in self.digests().items() if wanted.get(paper_id) != known)

    def carry_over(self, generation: Path, wanted: Mapping[str, str]) -> set[str]:
        """Copy papers with the wanted digest from a generation of the same recipe; returns their ids."""
        chunks = open_vectors(generation / VECTORS)
        try:
            tokens = open_token_vectors(generation / TOKEN_VECTORS)
            known = _complete(chunks, tokens)
            same = [paper_id for paper_id, digest in wanted.items() if known.get(paper_id) == digest]
            self._tokens.copy_from(tokens, same)
            self._chunks.copy_from(chunks, sorted(same))
        finally:
            chunks.close()
        return set(same)

    def write(self, papers: Sequence[EmbeddedPaper]) -> None:
        """Add papers; durable on return."""
        self._tokens.append([(each.paper.paper_id, each.digest, each.tokens) for each in papers])
        self._chunks.write(papers)

    def count(self) -> int:
        """Return the number of chunks."""
        return self._chunks.count()

    def close(self) -> None:
        """Close the files."""
        self._chunks.close()

    def compact(self, paper_ids: Sequence[str]) -> None:
        """Write the token vectors of these papers in this order, the final form of a generation."""
        shutil.rmtree(self._folder / TOKEN_VECTORS, ignore_errors=True)
        create_token_vectors(self._folder / TOKEN_VECTORS).copy_from(self._tokens, paper_ids)
        fsync(self._folder)
        shutil.rmtree(self._tokens.folder)


def open_staging(folder: Path, recipe: Recipe) -> Staging:
    """Reopen what an earlier run left, if intact and of the same recipe; else start with an empty folder."""
    mark = folder / "recipe"
    chunks = None
    if mark.is_file() and mark.read_text(encoding="utf-8") == repr(recipe):
        with suppress(Exception):  # Chroma's errors share no base class; whatever is unreadable here is discarded
            chunks = create_vectors(folder / VECTORS)
    if chunks is None:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        chunks = create_vectors(folder / VECTORS)
        write_atomic(mark, repr(recipe))
    return Staging(folder, chunks, _open_log(folder))


def _open_log(folder: Path) -> TokenVectorStore:
    """Open the token vectors of a staging folder, including those that a killed run had already compacted."""
    log = create_token_vectors(folder / _LOG)
    if (folder / TOKEN_VECTORS).is_dir():
        finished = create_token_vectors(folder / TOKEN_VECTORS)
        log.copy_from(finished, finished.entries.keys() - log.entries.keys())
        shutil.rmtree(folder / TOKEN_VECTORS)
    return log


def _complete(chunks: VectorStore, tokens: TokenVectorStore) -> dict[str, str | None]:
    digests = chunks.digests()
    of_tokens = tokens.digests()
    return {paper_id: digest if of_tokens.get(paper_id) == digest else None for paper_id, digest in digests.items()}
