"""Incremental update of the index: encode new and changed papers, copy the rest, publish a new generation.

Content hashes alone decide what has changed. Vectors of a killed run remain in staging for the next run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rag.corpus.reader import Corpus
from rag.errors import CitedeskError, IndexFailed, IndexMissing
from rag.index.blocks import read_blocks
from rag.index.embedding import embed, make_chunker
from rag.index.generations import (
    IndexFolder,
    Manifest,
    Recipe,
    content_hash,
    damaged_files,
    describe_files,
    generation_name,
    read_manifest,
)
from rag.index.integrity import FileState
from rag.index.papers import open_papers
from rag.index.plan import BuildPlan
from rag.index.server_vectors import ServerRows, forget_rows, rows_of
from rag.index.staging import Staging, discard_copy, open_staging
from rag.index.vector_servers import Connect
from rag.models.loading import Models
from rag.settings import OWN_ENCODER
from rag.types import Paper, Problem

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
    wanted = plan.corpus.digests()
    content = content_hash(wanted)
    old, damage = _intact_manifest(
        folder, lambda found: not _reason_to_rebuild(found, plan) and not _is_current(found, plan, content)
    )
    if not plan.rebuild:
        folder.recover()
    reason = damage or _reason_to_rebuild(old, plan)
    if old and not reason and _is_current(old, plan, content):
        return BuildSummary(0, 0, 0, old.papers, plan.corpus.problems, old.generation, plan.corpus)
    try:
        outdated, kept = folder.outdated()
        gone = [rows_of(each) for each in outdated] if plan.connect else []
        before = _digests(folder.current()) if old else {}
        source = folder.current() if old and not reason else None
        if plan.rebuild:
            shutil.rmtree(folder.staging, ignore_errors=True)
        elif damage:
            discard_copy(folder.staging, kept)
        expected = len(wanted.items() - before.items()) if source else len(wanted)
        staging = open_staging(folder.staging, plan.recipe, source, expected, plan.connect)
        try:
            failed = _fill(staging, plan, wanted, load, progress)
            excluded = {problem.source for problem in failed}
            papers = {paper.paper_id: paper for paper in plan.corpus.read if paper.paper_id not in excluded}
            if not papers:
                raise IndexFailed(f"No paper could be encoded. First reason: {failed[0].reason}.")
            chunks = staging.finish(papers, plan.corpus.cleaned)
        finally:
            staging.close()
        indexed = {paper_id: wanted[paper_id] for paper_id in papers}
        files = describe_files(folder.staging, (source, old) if source and old else None)
        new = _publish(folder, plan, indexed, failed, chunks, files)
        _forget(filter(None, gone), [*kept, folder.current()], plan.connect)
    except CitedeskError:
        raise
    except Exception as error:  # Chroma raises its Rust core's errors, a full disk among them, as several types
        raise _unwritable(folder, error) from error
    return _summary(before, indexed, new, plan, failed, reason)


def _is_current(old: Manifest, plan: BuildPlan, content: str) -> bool:
    problems = tuple(str(problem) for problem in plan.corpus.problems)
    indexed = (old.content, old.sources, old.saved_year, old.failed, old.abstracts_only)
    return indexed == (content, plan.sources, plan.saved_year, problems, plan.abstracts_only)


def _intact_manifest(folder: IndexFolder, is_copied: Callable[[Manifest], bool]) -> tuple[Manifest | None, str | None]:
    """Read the current manifest; None if there is no index, or a damaged one, with the reason.

    All files of a generation that will be copied are read, so that no damage is.
    """
    try:
        generation = folder.current()
        manifest = read_manifest(generation)
        damaged = damaged_files(generation, manifest, thorough=is_copied(manifest))
    except IndexMissing:
        return None, None
    except IndexFailed:
        return None, "the index was damaged"
    return (None, f"the index was damaged ({', '.join(damaged)})") if damaged else (manifest, None)


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
        "server": "the server of the vectors",
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
    plan: BuildPlan,
    wanted: dict[str, str],
    load: Callable[[], Models],
    progress: BatchProgress | None,
) -> tuple[Problem, ...]:
    """Fill staging with exactly the wanted papers; returns those that could not be encoded."""
    known = staging.digests()
    staging.remove([paper_id for paper_id, digest in known.items() if wanted.get(paper_id) != digest])
    missing = {each.paper_id: each.load() for each in plan.corpus.read if known.get(each.paper_id) != each.digest}
    if plan.embedded:
        for block in read_blocks(plan.embedded, plan.recipe):
            if found := block.papers(missing, wanted):
                staging.write(found)
                missing = {key: paper for key, paper in missing.items() if key not in {x.paper.paper_id for x in found}}
    papers = list(missing.values())
    return _encode(staging, papers, wanted, plan.recipe, load(), progress) if papers else ()


def _encode(
    staging: Staging,
    papers: Sequence[Paper],
    digests: dict[str, str],
    recipe: Recipe,
    models: Models,
    progress: BatchProgress | None,
) -> tuple[Problem, ...]:
    chunker = make_chunker(recipe, models)
    size = models.encoder.batch_size
    batches: Iterable[list[Paper]] = [list(papers[i : i + size]) for i in range(0, len(papers), size)]
    failed: list[Problem] = []
    for batch in progress(batches, len(papers)) if progress else batches:
        embedded = list(embed(batch, digests, chunker, models, failed))
        if embedded:
            staging.write(embedded)
    return tuple(failed)


def _publish(
    folder: IndexFolder,
    plan: BuildPlan,
    digests: Mapping[str, str],
    failed: tuple[Problem, ...],
    chunks: int,
    files: Mapping[str, FileState],
) -> Manifest:
    """Write the manifest, and make the staged generation the current one."""
    content = content_hash(digests)
    manifest = Manifest(
        generation=generation_name(plan.now, content),
        created=plan.now.isoformat(timespec="seconds"),
        recipe=plan.recipe,
        sources=plan.sources,
        saved_year=plan.saved_year,
        papers=len(digests),
        content=content,
        chunks=chunks,
        failed=tuple(str(problem) for problem in (*plan.corpus.problems, *failed)),
        files=files,
        abstracts_only=plan.abstracts_only,
    )
    folder.publish(manifest)
    return manifest


def _forget(gone: Iterable[ServerRows], kept: Sequence[Path], connect: Connect | None) -> None:
    """Delete what generations that no longer exist have left on a server; what cannot be deleted does no harm there."""
    for each in gone:
        with suppress(IndexFailed):
            if connect:
                forget_rows(each, kept, connect)


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
