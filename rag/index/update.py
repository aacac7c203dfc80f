"""Incremental update of the index: encode new and changed papers, copy the rest, publish a new generation.

Content hashes alone decide what has changed. Vectors of a killed run remain in staging for the next run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from rag.corpus.files import fsync
from rag.corpus.reader import Corpus
from rag.corpus.records import paper_digest
from rag.errors import CitedeskError, IndexFailed, IndexMissing, ModelFailed
from rag.index.bm25 import Bm25Index
from rag.index.chunks import Chunker
from rag.index.generations import (
    BM25,
    PAPERS,
    IndexFolder,
    Manifest,
    Recipe,
    content_hash,
    damaged_files,
    describe_files,
    generation_name,
    read_manifest,
)
from rag.index.papers import IndexedPaper, PaperWriter, open_papers
from rag.index.plan import BuildPlan
from rag.index.staging import Staging, open_staging
from rag.index.vectors import EmbeddedPaper
from rag.models.encoder import EncodedDocument, TokenVectors, document_text
from rag.models.loading import Models
from rag.settings import OWN_ENCODER
from rag.types import Chunk, Paper, Problem

_BATCH = 16

BatchProgress = Callable[[Iterable[list[Paper]], int], Iterable[list[Paper]]]


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What an index run did, as numbers of papers; `rebuilt` is the reason for a full rebuild, if there was one."""

    added: int
    replaced: int
    removed: int
    unchanged: int
    failed: tuple[Problem, ...]
    generation: str
    corpus: Corpus
    rebuilt: str | None = None


def update_index(
    folder: IndexFolder, plan: BuildPlan, load: Callable[[], Models], progress: BatchProgress | None = None
) -> BuildSummary:
    """Build the next generation if the current one differs from the corpus; the caller must hold the folder's lock.

    `load` is called only if papers have to be encoded. Raises CitedeskError: the current generation is then unchanged,
    and the vectors computed so far are reused by the next run.
    """
    old = _intact_manifest(folder)
    if not plan.rebuild:
        folder.recover()
    wanted = {paper.paper_id: paper_digest(paper) for paper in plan.corpus.papers}
    reason = _reason_to_rebuild(old, plan)
    if old and not reason and _is_current(old, plan, wanted):
        return BuildSummary(0, 0, 0, old.papers, plan.corpus.problems, old.generation, plan.corpus)
    try:
        if plan.rebuild:
            shutil.rmtree(folder.staging, ignore_errors=True)
        before = _digests(folder.current()) if old else {}
        source = folder.current() if old and not reason else None
        staging = open_staging(folder.staging, plan.recipe)
        try:
            failed = _fill(staging, source, plan, wanted, load, progress)
            chunks = staging.count()
        finally:
            staging.close()
        indexed = {
            paper_id: digest for paper_id, digest in wanted.items() if paper_id not in {x.source for x in failed}
        }
        new = _finish(folder, staging, source, plan, indexed, failed, chunks)
    except CitedeskError:
        raise
    except Exception as error:  # Chroma raises its Rust core's errors, a full disk among them, as several types
        raise _unwritable(folder, error) from error
    return _summary(before, indexed, new, plan, failed, reason)


def _is_current(old: Manifest, plan: BuildPlan, wanted: dict[str, str]) -> bool:
    problems = tuple(str(problem) for problem in plan.corpus.problems)
    indexed = (old.content, old.sources, old.saved_year, old.failed, old.abstracts_only)
    return indexed == (content_hash(wanted), plan.sources, plan.saved_year, problems, plan.abstracts_only)


def _intact_manifest(folder: IndexFolder) -> Manifest | None:
    """Read the current manifest; None if there is no index, or a damaged one."""
    with suppress(IndexMissing, IndexFailed):
        generation = folder.current()
        manifest = read_manifest(generation)
        if not damaged_files(generation, manifest):
            return manifest
    return None


def _reason_to_rebuild(old: Manifest | None, plan: BuildPlan) -> str | None:
    if old is None:
        return None
    if plan.rebuild:
        return "as requested"
    names = {
        "encoder": "the weights of the encoder",
        "embedder": "the embedding model",
        "chunk_tokens": "the chunk size",
        "chunk_overlap": "the chunk overlap",
    }
    before, after = asdict(old.recipe), asdict(plan.recipe)
    if before["format"] != after["format"]:
        return f"the index format changed from {before['format']} to {after['format']}"
    changed = [
        f"{names[key]} changed from {before[key] or OWN_ENCODER} to {after[key] or OWN_ENCODER}"
        for key in names
        if before[key] != after[key]
    ]
    return "; ".join(changed) or None


def _fill(
    staging: Staging,
    source: Path | None,
    plan: BuildPlan,
    wanted: dict[str, str],
    load: Callable[[], Models],
    progress: BatchProgress | None,
) -> tuple[Problem, ...]:
    """Fill staging with exactly the wanted papers; returns those that could not be encoded."""
    staging.keep_only(wanted)
    missing = wanted.keys() - staging.digests().keys()
    if source:
        missing -= staging.carry_over(source, {paper_id: wanted[paper_id] for paper_id in missing})
    papers = [paper for paper in plan.corpus.papers if paper.paper_id in missing]
    return _encode(staging, papers, wanted, plan.recipe, load(), progress) if papers else ()


def _encode(
    staging: Staging,
    papers: Sequence[Paper],
    digests: dict[str, str],
    recipe: Recipe,
    models: Models,
    progress: BatchProgress | None,
) -> tuple[Problem, ...]:
    limits = [each.max_tokens for each in (models.encoder, models.embedder) if each]
    chunker = Chunker(recipe.chunk_tokens, recipe.chunk_overlap, models.encoder.tokenize, min(limits))
    batches: Iterable[list[Paper]] = [list(papers[i : i + _BATCH]) for i in range(0, len(papers), _BATCH)]
    failed: list[Problem] = []
    for batch in progress(batches, len(papers)) if progress else batches:
        embedded = list(_encode_batch(batch, digests, chunker, models, failed))
        if embedded:
            staging.write(embedded)
    return tuple(failed)


def _encode_batch(
    batch: list[Paper], digests: dict[str, str], chunker: Chunker, models: Models, failed: list[Problem]
) -> Iterator[EmbeddedPaper]:
    """Encode a batch of papers; if that fails, each on its own, so that only failing papers are left out."""
    chunks = {paper.paper_id: chunker.chunks(paper) for paper in batch}
    texts = [(paper.title, chunk.text) for paper in batch for chunk in chunks[paper.paper_id]]
    try:
        encoded = models.encoder.encode_documents(texts)
        vectors = (
            models.embedder.encode_documents([document_text(title, text) for title, text in texts])
            if models.embedder
            else np.stack([each.vector for each in encoded])
        )
    except ModelFailed as error:
        if len(batch) == 1:
            failed.append(Problem(batch[0].paper_id, None, str(error)))
            return
        for paper in batch:
            yield from _encode_batch([paper], digests, chunker, models, failed)
        return
    first = 0
    for paper in batch:
        own = chunks[paper.paper_id]
        rows = slice(first, first + len(own))
        yield EmbeddedPaper(paper, digests[paper.paper_id], own, vectors[rows], _joined(own, encoded[rows]))
        first = rows.stop


def _joined(chunks: Sequence[Chunk], encoded: Sequence[EncodedDocument]) -> TokenVectors:
    """Join the token vectors of a paper's chunks, with their spans in the whole abstract."""
    spans = [
        np.where(each.tokens.spans < 0, each.tokens.spans, each.tokens.spans + chunk.start)
        for chunk, each in zip(chunks, encoded, strict=True)
    ]
    return TokenVectors(np.concatenate([each.tokens.vectors for each in encoded]), np.concatenate(spans))


def _finish(
    folder: IndexFolder,
    staging: Staging,
    source: Path | None,
    plan: BuildPlan,
    indexed: dict[str, str],
    failed: tuple[Problem, ...],
    chunks: int,
) -> Manifest:
    """Write the BM25 index, the papers and the manifest, and publish the generation."""
    papers = [paper for paper in plan.corpus.papers if paper.paper_id in indexed]
    if not papers:
        raise IndexFailed(f"No paper could be encoded. First reason: {failed[0].reason}.")
    bm25 = folder.staging / BM25
    shutil.rmtree(bm25, ignore_errors=True)
    Bm25Index.build(papers).save(bm25)
    for file in bm25.iterdir():
        fsync(file)
    fsync(bm25)
    _write_papers(folder.staging / PAPERS, source, papers, indexed)
    staging.compact([paper.paper_id for paper in papers])
    content = content_hash(indexed)
    manifest = Manifest(
        generation=generation_name(plan.now, content),
        created=plan.now.isoformat(timespec="seconds"),
        recipe=plan.recipe,
        sources=plan.sources,
        saved_year=plan.saved_year,
        papers=len(papers),
        content=content,
        chunks=chunks,
        failed=tuple(str(problem) for problem in (*plan.corpus.problems, *failed)),
        files=describe_files(folder.staging),
        abstracts_only=plan.abstracts_only,
    )
    folder.publish(manifest)
    return manifest


def _write_papers(path: Path, source: Path | None, papers: Sequence[Paper], digests: Mapping[str, str]) -> None:
    """Write the database of papers, from that of a generation with what differs from it."""
    path.unlink(missing_ok=True)
    if source:
        shutil.copyfile(source / PAPERS, path)
    with closing(PaperWriter(path)) as writer:
        known = writer.digests()
        writer.remove(paper_id for paper_id, digest in known.items() if digests.get(paper_id) != digest)
        missing = digests.keys() - writer.digests().keys()
        writer.add([IndexedPaper(paper, digests[paper.paper_id]) for paper in papers if paper.paper_id in missing])
        writer.finish({paper.paper_id: paper for paper in papers})
    fsync(path)


def _digests(generation: Path) -> dict[str, str]:
    """Return the digests of a generation's papers; of one in another format none."""
    with suppress(IndexFailed), closing(open_papers(generation)) as papers:
        return papers.digests()
    return {}


def _summary(
    before: Mapping[str, str],
    after: Mapping[str, str],
    new: Manifest,
    plan: BuildPlan,
    failed: tuple[Problem, ...],
    rebuilt: str | None,
) -> BuildSummary:
    kept = before.keys() & after.keys()
    replaced = sum(before[paper_id] != after[paper_id] for paper_id in kept)
    return BuildSummary(
        added=len(after.keys() - before.keys()),
        replaced=replaced,
        removed=len(before.keys() - after.keys()),
        unchanged=len(kept) - replaced,
        failed=(*plan.corpus.problems, *failed),
        generation=new.generation,
        corpus=plan.corpus,
        rebuilt=rebuilt,
    )


def _unwritable(folder: IndexFolder, error: Exception) -> IndexFailed:
    reason = getattr(error, "strerror", None) or error
    return IndexFailed(
        f"The index in {folder.path} cannot be written: {reason}. The current index is unchanged. Fix this, then run "
        "`citedesk index` again: it resumes where it stopped."
    )
