"""Staging of the next generation: a copy of the current one, to which the difference is applied.

Writes are durable, so a killed run can be resumed. A paper is complete when it is in the database of papers, which is
written last; what has vectors but is not there is removed when the next run opens the folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.corpus.cleaned import CleanedRecords
from rag.corpus.files import fsync, write_atomic
from rag.corpus.identity import ReadPaper
from rag.errors import IndexFailed
from rag.index.bm25 import Postings, indexed_text
from rag.index.generations import BM25, PAPERS, TOKEN_VECTORS, VECTORS, Recipe
from rag.index.papers import IndexedPaper, PaperWriter
from rag.index.server_vectors import create_server_vectors
from rag.index.token_vectors import append_token_vectors, copy_token_vectors, link_token_vectors, row_count
from rag.index.vector_servers import Connect
from rag.index.vectors import (
    EmbeddedVectors,
    VectorStore,
    copy_vectors,
    create_vectors,
    finish_vectors,
    open_vectors,
)
from rag.models.encoder import TokenVectors
from rag.models.onnx import Array
from rag.types import Chunk, Paper, chunk_id

_MARK = "base"  # names the recipe and the generation that was copied, once all of it was
_MAX_DEAD = 0.25  # of the rows of token vectors, and of the vector index


@dataclass(frozen=True, slots=True)
class EmbeddedPaper:
    """An encoded paper: `vectors` has a row for each chunk, `tokens` those of all chunks."""

    paper: Paper
    digest: str
    chunks: tuple[Chunk, ...]
    vectors: Array
    tokens: TokenVectors


class Staging:
    """Reads and writes the staging folder; created by `open_staging`."""

    def __init__(self, folder: Path, source: Path | None, papers: PaperWriter, chunks: VectorStore) -> None:
        """`source` is the generation that the folder began as a copy of."""
        self._folder = folder
        self._source = source
        self._papers = papers
        self._chunks = chunks

    def digests(self) -> dict[str, str]:
        """Return the digest of each paper here."""
        return self._papers.digests()

    def remove(self, paper_ids: Iterable[str]) -> None:
        """Delete papers."""
        chunks = self._papers.chunks(paper_ids)
        if chunks:
            self._chunks.remove(_chunk_ids(chunks))
            self._papers.remove(chunks)

    def write(self, papers: Sequence[EmbeddedPaper]) -> None:
        """Add papers that are not here; durable on return."""
        firsts = append_token_vectors(self._folder / TOKEN_VECTORS, [each.tokens for each in papers])
        chunk_ids = [chunk.chunk_id for each in papers for chunk in each.chunks]
        digests = [each.digest for each in papers for _ in each.chunks]
        self._chunks.write(chunk_ids, np.concatenate([each.vectors for each in papers]), digests)
        self._papers.add(
            [
                IndexedPaper(each.paper, each.digest, len(each.chunks), first, len(each.tokens.spans))
                for each, first in zip(papers, firsts, strict=True)
            ]
        )

    def finish(self, papers: Mapping[str, ReadPaper], cleaned: CleanedRecords) -> int:
        """Write what is computed from all papers, given in corpus order; returns the number of chunks.

        `cleaned` is what was made of the records that were read.
        """
        self._update_postings(papers)
        self._papers.finish(list(papers), lambda paper_id: papers[paper_id].load())
        self._papers.remember(cleaned, {paper_id: paper.digest for paper_id, paper in papers.items()})
        count = sum(self._papers.chunks().values())
        self.close()
        if isinstance(self._chunks, EmbeddedVectors):
            finish_vectors(self._folder / VECTORS)
        for path in (self._folder, *self._folder.rglob("*")):
            fsync(path)
        return count

    def _update_postings(self, papers: Mapping[str, ReadPaper]) -> None:
        if self._source:
            known = Postings.load(self._source / BM25)
            removed, added = self._papers.changes()
        else:
            known, removed = Postings.empty(), []
            added = dict(zip(self._papers.rows(papers).tolist(), papers, strict=True))
        texts = {row: indexed_text(papers[paper_id].load()) for row, paper_id in added.items()}
        known.updated(removed, texts).save(self._folder / BM25)

    def close(self) -> None:
        """Close the files."""
        self._chunks.close()
        self._papers.close()


def open_staging(
    folder: Path, recipe: Recipe, source: Path | None, expected: int, connect: Connect | None = None
) -> Staging:
    """Reopen what an earlier run left, if it is intact and began as this one would, or else start with a copy.

    `source` is the generation to copy, of the same recipe; without it the folder starts empty. `expected` is roughly
    how many papers will be written. `connect` opens the vectors on a server, where they are not kept in the folder.
    """
    mark, base = folder / _MARK, [repr(recipe), source.name if source else ""]
    found = mark.read_text(encoding="utf-8").split("\n") if mark.is_file() else []
    if found == base or (source is None and found[:1] == base[:1]):
        try:
            return _resume(folder, source, expected, connect)
        except Exception as error:  # Chroma's errors share no base class; whatever is unreadable here is discarded
            if connect and isinstance(error, IndexFailed):
                raise  # for a server that is down nothing is discarded
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    if source:
        _copy(source, folder, connect)
    staging = _open(folder, source, expected, connect)
    write_atomic(mark, "\n".join(base))
    return staging


def discard_copy(folder: Path, damaged: Iterable[Path]) -> None:
    """Delete a staging folder that began as a copy of one of some generations."""
    mark = folder / _MARK
    if mark.is_file() and mark.read_text(encoding="utf-8").split("\n")[-1] in {each.name for each in damaged}:
        shutil.rmtree(folder)


def _copy(source: Path, folder: Path, connect: Connect | None) -> None:
    """Copy a generation; where more than a quarter of its vectors belongs to no paper, without those."""
    shutil.copyfile(source / PAPERS, folder / PAPERS)
    papers = PaperWriter(folder / PAPERS)
    try:
        papers.forget_changes()
        places = papers.places()
        living = sum(rows for _, rows in places.values())
        if living < (1 - _MAX_DEAD) * row_count(source / TOKEN_VECTORS):
            firsts = copy_token_vectors(source / TOKEN_VECTORS, folder / TOKEN_VECTORS, places.values())
            papers.move(dict(zip(places, firsts, strict=True)))
        else:
            link_token_vectors(source / TOKEN_VECTORS, folder / TOKEN_VECTORS)
        if connect:
            shutil.copytree(source / VECTORS, folder / VECTORS)
            return
        removed, chunks = papers.removed_chunks(), sum(papers.chunks().values())
        if removed > _MAX_DEAD * (removed + chunks):
            _copy_living(source / VECTORS, folder / VECTORS, chunks)
            papers.forget_removed_chunks()
        else:
            copy_vectors(source / VECTORS, folder / VECTORS)
    finally:
        papers.close()


def _copy_living(source: Path, folder: Path, chunks: int) -> None:
    """Copy chunk vectors to a new collection."""
    with closing(open_vectors(source)) as old, closing(create_vectors(folder, chunks)) as new:
        new.copy_from(old)


def _open(folder: Path, source: Path | None, expected: int, connect: Connect | None) -> Staging:
    papers, vectors = PaperWriter(folder / PAPERS), folder / VECTORS
    try:
        chunks = create_server_vectors(vectors, papers, connect) if connect else create_vectors(vectors, expected)
    except BaseException:
        papers.close()
        raise
    return Staging(folder, source, papers, chunks)


def _resume(folder: Path, source: Path | None, expected: int, connect: Connect | None) -> Staging:
    """Open a staging folder, and delete what a killed run did not complete."""
    staging = _open(folder, source, expected, connect)
    try:
        held, rows = staging._chunks.ids(), row_count(folder / TOKEN_VECTORS)
        places = staging._papers.places()
        known = {paper_id: _chunk_ids({paper_id: count}) for paper_id, count in staging._papers.chunks().items()}
        lost = [each for each, chunk_ids in known.items() if not held.issuperset(chunk_ids) or sum(places[each]) > rows]
        kept = {chunk_id for paper_id in known.keys() - lost for chunk_id in known[paper_id]}
        staging._chunks.remove(held - kept)
        staging._papers.remove(lost)
    except BaseException:
        staging.close()
        raise
    return staging


def _chunk_ids(chunks: Mapping[str, int]) -> list[str]:
    """Return the ids of papers' chunks, by the number of these."""
    return [chunk_id(paper_id, i) for paper_id, count in chunks.items() for i in range(count)]
