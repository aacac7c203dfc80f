"""Generations of the index: one sub-folder each, a file `current` that names the one in use, and a lock.

A generation is immutable once current. The next one is built in `staging` and becomes current by one atomic
replacement of the pointer, so neither a reader, a crash nor a full disk leaves a partial index.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rag.corpus.files import fsync, write_atomic
from rag.errors import OTHER_HOME, REBUILD, IndexFailed, IndexMissing
from rag.index.in_use import InUse, Unused, is_used
from rag.index.integrity import FileState, file_state, is_damaged

FORMAT = 8
VECTORS, TOKEN_VECTORS, BM25, PAPERS = "vectors", "late", "lexical", "papers.sqlite"
_MANIFEST = "manifest.json"
_CHECKSUM = "sha256"  # of the rest of a manifest
_POINTER = "current"
_SMALL = 1 << 24  # bytes of an index that is always read as a whole, at 1 to 2 GB/s
_KEPT = 2  # the current generation, and its predecessor for readers that have it open


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the vectors depend on besides the papers: an index of another recipe has to be rebuilt.

    `encoder` and `embedder` are fingerprints of models; `embedder` is "" where the vectors are the encoder's own.
    `server` is the kind of server that has the vectors, "" where they are in the index folder.
    """

    encoder: str
    chunk_tokens: int
    chunk_overlap: int
    embedder: str = ""
    server: str = ""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of a generation: `papers` is their number, `files` are the states of its files by path.

    `content` is the `content_hash` of the papers: another one means that the index differs from its corpus.
    """

    generation: str
    created: str
    recipe: Recipe
    sources: tuple[str, ...]
    saved_year: int
    papers: int
    content: str
    chunks: int
    failed: tuple[str, ...]
    files: Mapping[str, FileState]
    abstracts_only: bool = False


class IndexFolder:
    """The folder of all generations: finding the current one, and publishing the next."""

    def __init__(self, home: Path) -> None:
        self.path = home / "index"

    @property
    def staging(self) -> Path:
        """The folder in which the next generation is built."""
        return self.path / "staging"

    def current(self) -> Path:
        """Return the folder of the current generation; raises IndexMissing or IndexFailed."""
        try:
            name = (self.path / _POINTER).read_text(encoding="utf-8").strip()
        except PermissionError as error:
            raise IndexFailed(f"The index in {self.path} cannot be read: {error.strerror}. {OTHER_HOME}") from None
        except (OSError, UnicodeDecodeError) as error:
            if isinstance(error, FileNotFoundError) and not self._generations():
                raise IndexMissing(f"No index in {self.path}. Run `citedesk index` to build it.") from None
            raise IndexFailed(f"The index in {self.path} is damaged ({error}). {REBUILD}") from None
        if not name or not (self.path / name / _MANIFEST).is_file():
            raise IndexFailed(f"The index in {self.path} is damaged: no generation {name!r}. {REBUILD}")
        return self.path / name

    def manifest(self) -> Manifest:
        """Read the manifest of the current generation; raises IndexMissing or IndexFailed."""
        return read_manifest(self.current())

    def newest_manifest(self) -> Manifest | None:
        """Read the current manifest, or if damaged the newest intact one; None if there is no index."""
        try:
            return self.manifest()
        except IndexMissing:
            return None
        except IndexFailed:
            for generation in reversed(self._generations()):
                with suppress(IndexFailed):
                    return read_manifest(generation)
            raise

    def use(self) -> tuple[Path, InUse]:
        """Return the current generation, kept from being deleted; raises IndexMissing or IndexFailed."""
        generation = self.current()
        try:
            return generation, InUse(generation / _MANIFEST)
        except OSError as error:
            raise IndexFailed(f"{generation} was replaced while it was opened ({error}). Ask again.") from None

    @contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the build lock; calls `waiting` once if another process holds it. The system releases it on a crash."""
        from filelock import FileLock, Timeout  # slow to import

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / "lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                waiting()
                lock.acquire()
        except OSError as error:
            raise IndexFailed(
                f"The index folder {self.path} cannot be written to: {error.strerror}. {OTHER_HOME}"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def outdated(self) -> tuple[list[Path], list[Path]]:
        """Return the generations that publishing the next one will delete, and those that it will keep."""
        known = self._generations()
        in_use = known[-1:]
        with suppress(IndexMissing, IndexFailed):
            in_use = [self.current()]
        in_use += [path for path in known if path not in in_use and is_used(path / _MANIFEST)]
        return [path for path in known if path not in in_use], in_use

    def recover(self) -> None:
        """Move a generation that was finished but did not become current back to staging, if it is intact."""
        newest = self._generations()[-1:]
        with suppress(IndexMissing, IndexFailed):
            newest = [path for path in newest if path.name > self.current().name]
        with suppress(IndexFailed):
            if newest and not self.staging.exists() and not damaged_files(newest[0], read_manifest(newest[0]), True):
                newest[0].rename(self.staging)

    def publish(self, manifest: Manifest) -> None:
        """Turn staging, with its manifest, into the current generation."""
        write_manifest(self.staging, manifest)
        self.staging.rename(self.path / manifest.generation)
        fsync(self.path)
        write_atomic(self.path / _POINTER, manifest.generation + "\n")
        self._prune()

    def _prune(self) -> None:
        in_use = self.current()
        for path in [path for path in self._generations() if path != in_use][: 1 - _KEPT]:
            with suppress(OSError), closing(Unused(path / _MANIFEST)):
                shutil.rmtree(path, ignore_errors=True)

    def _generations(self) -> list[Path]:
        """Return the finished generations, oldest first."""
        return sorted(path.parent for path in self.path.glob(f"*/{_MANIFEST}") if path.parent != self.staging)


def read_manifest(generation: Path) -> Manifest:
    """Read a generation's manifest, of another format without its files; raises IndexFailed if it is damaged."""
    try:
        values: dict[str, Any] = json.loads((generation / _MANIFEST).read_text(encoding="utf-8"))
        checksum, ours = values.pop(_CHECKSUM, ""), values["recipe"]["format"] == FORMAT
        if ours and checksum != _checksum(values):
            raise ValueError(f"{_MANIFEST} was changed")
        recipe, found = _read_recipe(values.pop("recipe")), values.pop("files")
        sources, failed = tuple(values.pop("sources")), tuple(values.pop("failed"))
        files = {name: _read_state(state) for name, state in found.items()} if ours else {}
        return Manifest(recipe=recipe, sources=sources, failed=failed, files=files, **values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise IndexFailed(f"The index in {generation} is damaged ({error}). {REBUILD}") from None


def write_manifest(generation: Path, manifest: Manifest) -> None:
    """Write a generation's manifest."""
    values = asdict(manifest)
    values[_CHECKSUM] = _checksum(values)
    text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomic(generation / _MANIFEST, text)


def _read_recipe(values: Mapping[str, Any]) -> Recipe:
    """Read a recipe; of another format only that is known."""
    if values["format"] != FORMAT:
        return Recipe("", 0, 0, format=int(values["format"]))
    return Recipe(**values)


def _read_state(values: Any) -> FileState:
    return FileState(values["size"], values["changed"], tuple(values["blocks"]))


def generation_name(now: datetime, content: str) -> str:
    """Return the name of a generation that is made now; names sort by time. `content` is its papers' hash."""
    return f"{now:%Y%m%dT%H%M%S%f}-{content[:8]}"


def content_hash(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 (hex) of papers' ids and digests, in any order."""
    return hashlib.sha256(repr([(key, digests[key]) for key in sorted(digests)]).encode()).hexdigest()


def describe_files(generation: Path, base: tuple[Path, Manifest] | None = None) -> dict[str, FileState]:
    """Return the states of a generation's files by path; `base` is the generation that it was copied from, intact."""
    described = {}
    for path in sorted(path for path in generation.rglob("*") if path.is_file()):
        name = path.relative_to(generation)
        if name.as_posix() == _MANIFEST:  # of an earlier run, to be replaced
            continue
        shared = base is not None and (base[0] / name).is_file() and path.samefile(base[0] / name)
        known = base[1].files.get(name.as_posix()) if base and shared else None
        described[name.as_posix()] = file_state(path, known)
    return described


def damaged_files(generation: Path, manifest: Manifest, thorough: bool = False) -> tuple[str, ...]:
    """Return the files of a generation that are missing or differ from its manifest.

    Unless `thorough`, files of a large index whose time of change is as published are not read, except those of
    Chroma, which its core reads as a whole: version 1.5.9 crashes the process where they are damaged.
    """
    small = sum(known.size for known in manifest.files.values()) <= _SMALL

    def reads(name: str) -> bool:
        return thorough or small or name.startswith(f"{VECTORS}/")

    return tuple(name for name, known in manifest.files.items() if is_damaged(generation / name, known, reads(name)))


def _checksum(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
