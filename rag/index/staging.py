"""The next generation's vectors while they are made: chunks in Chroma and, if the recipe says so, token vectors.

What is written here survives a kill. A paper counts only when it has both.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rag.corpus.files import fsync, write_atomic
from rag.index.generations import LATE, VECTORS, Recipe
from rag.index.token_vectors import TokenVectorStore, create_token_vectors, open_token_vectors
from rag.index.vectors import EmbeddedPaper, VectorStore, create_vectors, open_vectors

_LOG = "late-log"


class Staging:
    """Reads and writes the staging folder; open it with `open_staging`."""

    def __init__(self, folder: Path, chunks: VectorStore, tokens: TokenVectorStore | None) -> None:
        self._folder = folder
        self._chunks = chunks
        self._tokens = tokens

    def digests(self) -> dict[str, str | None]:
        """Map each paper that has something here to its digest, or to None where something of it is missing."""
        return _complete(self._chunks, self._tokens)

    def keep_only(self, wanted: Mapping[str, str]) -> None:
        """Delete papers that are not wanted with the digest they have."""
        self._chunks.remove(paper_id for paper_id, known in self.digests().items() if wanted.get(paper_id) != known)

    def carry_over(self, generation: Path, wanted: Mapping[str, str]) -> set[str]:
        """Take over from a generation of the same recipe the papers that are as wanted; returns which."""
        chunks = open_vectors(generation / VECTORS)
        try:
            tokens = open_token_vectors(generation / LATE) if self._tokens else None
            known = _complete(chunks, tokens)
            same = [paper_id for paper_id, digest in wanted.items() if known.get(paper_id) == digest]
            if self._tokens and tokens:
                self._tokens.copy_from(tokens, same)
            self._chunks.copy_from(chunks, sorted(same))
        finally:
            chunks.close()
        return set(same)

    def write(self, papers: Sequence[EmbeddedPaper]) -> None:
        """Add papers; they are durable on return."""
        if self._tokens:
            self._tokens.append([(each.paper.paper_id, each.digest, each.tokens) for each in papers if each.tokens])
        self._chunks.write(papers)

    def count(self) -> int:
        """Count the chunks."""
        return self._chunks.count()

    def close(self) -> None:
        """Let go of the files."""
        self._chunks.close()

    def compact(self, paper_ids: Sequence[str]) -> None:
        """Write the token vectors of these papers, in this order, as a generation keeps them."""
        if not self._tokens:
            return
        shutil.rmtree(self._folder / LATE, ignore_errors=True)
        create_token_vectors(self._folder / LATE).copy_from(self._tokens, paper_ids)
        fsync(self._folder)
        shutil.rmtree(self._tokens.folder)


def open_staging(folder: Path, recipe: Recipe) -> Staging:
    """Open what an earlier run left, if it was of the same recipe and is sound; else start with an empty folder."""
    mark = folder / "recipe"
    chunks = None
    if mark.is_file() and mark.read_text(encoding="utf-8") == repr(recipe):
        with suppress(Exception):  # Chroma's errors share no base; whatever is wrong with the rest, it can go
            chunks = create_vectors(folder / VECTORS)
    if chunks is None:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        chunks = create_vectors(folder / VECTORS)
        write_atomic(mark, repr(recipe))
    return Staging(folder, chunks, _open_log(folder) if recipe.late else None)


def _open_log(folder: Path) -> TokenVectorStore:
    """Open the log of a staging folder, with what a run wrote as finished before it was killed."""
    log = create_token_vectors(folder / _LOG)
    if (folder / LATE).is_dir():
        finished = create_token_vectors(folder / LATE)
        log.copy_from(finished, finished.entries.keys() - log.entries.keys())
        shutil.rmtree(folder / LATE)
    return log


def _complete(chunks: VectorStore, tokens: TokenVectorStore | None) -> dict[str, str | None]:
    known = chunks.digests()
    if tokens is None:
        return known
    digests = tokens.digests()
    return {paper_id: digest if digests.get(paper_id) == digest else None for paper_id, digest in known.items()}
