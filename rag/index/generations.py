"""The index folder: one sub-folder per generation, a file `current` that names the one in use, and a lock.

A generation is never changed once it is current. The next one is built in `staging` and becomes current by one
rename of the pointer, so a reader, a crash or a full disk never meets half an index.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.corpus.files import file_sha256, fsync, write_atomic
from rag.errors import REBUILD, IndexFailed, IndexMissing

FORMAT = 2
VECTORS, LATE, LEXICAL, PAPERS = "vectors", "late", "lexical", "papers.jsonl"
_POINTER = "current"
_KEPT = 2  # the current generation, and the one before it for readers that still hold it open


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an index's vectors depend on besides the papers; an index of another recipe is rebuilt.

    `late` is empty where the index has no token vectors.
    """

    embedding: str
    chunk_tokens: int
    chunk_overlap: int
    late: str = ""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds: `papers` maps paper_id to digest, `files` each path to a hash or size."""

    generation: str
    created: str
    recipe: Recipe
    sources: tuple[str, ...]
    saved_year: int
    papers: Mapping[str, str]
    chunks: int
    failed: tuple[str, ...]
    files: Mapping[str, str]


class IndexFolder:
    """The folder of all generations, for reading and for building the next one."""

    def __init__(self, home: Path) -> None:
        self.path = home / "index"

    @property
    def staging(self) -> Path:
        """Where the next generation is built."""
        return self.path / "staging"

    def current(self) -> Path:
        """Find the generation in use; raises IndexMissing where there is none."""
        try:
            name = (self.path / _POINTER).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            if isinstance(error, FileNotFoundError) and not self._generations():
                raise IndexMissing(f"No index in {self.path}. Run `citedesk index` to build it.") from None
            raise IndexFailed(f"The index in {self.path} is damaged ({error}). {REBUILD}") from None
        if not name or not (self.path / name / "manifest.json").is_file():
            raise IndexFailed(f"The index in {self.path} is damaged: no generation {name!r}. {REBUILD}")
        return self.path / name

    def manifest(self) -> Manifest:
        """Read what the generation in use holds; raises IndexMissing or IndexFailed."""
        return read_manifest(self.current())

    def newest_manifest(self) -> Manifest | None:
        """Read the manifest in use, or if that is damaged the newest one that is not; None where there is no index."""
        try:
            return self.manifest()
        except IndexMissing:
            return None
        except IndexFailed:
            for generation in reversed(self._generations()):
                with suppress(IndexFailed):
                    return read_manifest(generation)
            raise

    @contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the right to build; calls `waiting` once if another process has it. The system frees it on a crash."""
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
                f"No index can be kept in {self.path}: {error.strerror}. Set CITEDESK_HOME to another folder."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def recover(self) -> None:
        """Take back into staging a generation that was finished but did not become current."""
        newest = self._generations()[-1:]
        with suppress(IndexMissing, IndexFailed):
            newest = [path for path in newest if path.name > self.current().name]
        if newest and not self.staging.exists():
            newest[0].rename(self.staging)

    def publish(self, manifest: Manifest) -> None:
        """Make what is in staging, with its manifest, the generation in use."""
        write_atomic(self.staging / "manifest.json", _to_json(manifest))
        self.staging.rename(self.path / manifest.generation)
        fsync(self.path)
        write_atomic(self.path / _POINTER, manifest.generation + "\n")
        self._prune()

    def _prune(self) -> None:
        in_use = self.current()
        for path in [path for path in self._generations() if path != in_use][: 1 - _KEPT]:
            shutil.rmtree(path, ignore_errors=True)

    def _generations(self) -> list[Path]:
        """List the finished generations, oldest first."""
        return sorted(path.parent for path in self.path.glob("*/manifest.json") if path.parent != self.staging)


def read_manifest(generation: Path) -> Manifest:
    """Read a generation's manifest; raises IndexFailed where it is damaged."""
    try:
        values: dict[str, Any] = json.loads((generation / "manifest.json").read_text(encoding="utf-8"))
        recipe = Recipe(**values.pop("recipe"))
        sources, failed = tuple(values.pop("sources")), tuple(values.pop("failed"))
        return Manifest(recipe=recipe, sources=sources, failed=failed, **values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise IndexFailed(f"The index in {generation} is damaged ({error}). {REBUILD}") from None


def describe_files(generation: Path) -> dict[str, str]:
    """Describe a generation's files by path: their SHA-256, or only the size of those that Chroma writes.

    Chroma 1.5.9 writes to its database even to read it, and may write its vectors anew with other padding.
    """
    paths = {path.relative_to(generation): path for path in sorted(generation.rglob("*")) if path.is_file()}
    described = {}
    for name, path in paths.items():
        if name.parts[0] == VECTORS and ".sqlite3" not in name.name:
            described[name.as_posix()] = f"{path.stat().st_size} bytes"
        elif name.parts[0] in (LEXICAL, LATE) or name.name == PAPERS:
            described[name.as_posix()] = file_sha256(path)
    return described


def damaged_files(generation: Path, manifest: Manifest) -> tuple[str, ...]:
    """List the files of a generation that are not as they were written."""
    found = describe_files(generation)
    return tuple(name for name, known in manifest.files.items() if found.get(name) != known)


def _to_json(manifest: Manifest) -> str:
    return json.dumps(asdict(manifest), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
