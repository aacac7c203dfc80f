"""Backups of a home folder: one compressed tar of the current generation and of what users have put in.

Left out is what can be fetched or made again: downloaded models, caches, older generations. The first member of the tar
lists all others with their SHA-256; nothing in a home folder is replaced before every one of them is verified.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from rag import __version__
from rag.corpus.files import file_sha256, fsync, replacing
from rag.errors import IndexFailed, IndexMissing, UsageError
from rag.index.generations import FORMAT, IndexFolder, Manifest, damaged_files, generation_name, read_manifest
from rag.settings import TUNING

USER_FILES = (TUNING, "feedback.jsonl", "questions.jsonl")
"""The files of a home folder that a backup holds: the tuning, the feedback, and drafted questions."""

REPLACED = ".replaced"
"""The suffix under which a restored file's predecessor is kept."""

_CONTENTS = "backup.json"  # the first member
_LAYOUT = 1  # of the tar; another one is refused
_INDEX = "index/"
_MAX_CONTENTS_SIZE = 16 << 20  # bytes
_LEVEL = 1  # of gzip: most of an index are vectors, which a higher level makes 5 % smaller in 1.4 times the time
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """A file of a backup, by size and hash."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Backup:
    """The contents of a backup: `generation` names the index, None without one; `files` is by path in the tar."""

    created: str
    version: str
    generation: str | None
    files: Mapping[str, File]
    layout: int = _LAYOUT

    @property
    def user_files(self) -> tuple[str, ...]:
        """The files besides the index."""
        return tuple(name for name in self.files if not name.startswith(_INDEX))


def write_backup(home: Path, target: Path, now: datetime, waiting: Callable[[], None]) -> Backup:
    """Write a backup of a home folder, readable by its owner only, in place of the file `target`.

    `waiting` is called once if another process holds the lock of the index. Raises CitedeskError if there is nothing to
    save or if the index is damaged, and OSError.
    """
    folder = IndexFolder(home)
    try:
        folder.current()
    except IndexMissing:
        return _write(target, _user_files(home), {}, None, now)
    with folder.locked(waiting):
        generation = folder.current()
        if damaged := damaged_files(generation, read_manifest(generation), thorough=True):
            raise IndexFailed(
                f"The index is damaged ({', '.join(damaged)}), so it is not saved. Run `citedesk index` first."
            )
        for left in target.parent.glob(f".{target.name}.*"):  # by a run that was killed
            left.unlink()
        paths = {
            _INDEX + path.relative_to(generation).as_posix(): path
            for path in sorted(generation.rglob("*"))
            if path.is_file()
        }
        return _write(target, _user_files(home), paths, generation.name, now)


def restore_backup(source: Path, home: Path, now: datetime, waiting: Callable[[], None]) -> Backup:
    """Put a backup's contents into a home folder, the index as its next generation; raises CitedeskError and OSError.

    What is there stays in use until all of the backup is verified and on disk. A file besides the index that differs
    is kept beside the new one, with the suffix `REPLACED`; the index that was in use stays as the one before. Returns
    the contents, with the new name of the generation.
    """
    folder = IndexFolder(home)
    home.mkdir(parents=True, exist_ok=True)
    with folder.locked(waiting):
        scratch = folder.path / "restoring"
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            backup = _unpack(source, scratch)
            manifest = None if backup.generation is None else _manifest(scratch / _INDEX)
            for name in backup.user_files:  # first: a running server reads the tuning when it opens the index
                _replace(home / name, scratch / name)
            if manifest:
                backup = replace(backup, generation=_publish(folder, scratch / _INDEX, manifest, now))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return backup


def _user_files(home: Path) -> dict[str, bytes]:
    """Read the files besides the index, which are small, and may be written to meanwhile."""
    return {name: (home / name).read_bytes() for name in USER_FILES if (home / name).is_file()}


def _write(
    target: Path, texts: Mapping[str, bytes], paths: Mapping[str, Path], generation: str | None, now: datetime
) -> Backup:
    if not (texts or paths):
        raise IndexMissing("There is nothing to save: no index, no tuning, no feedback. Check CITEDESK_HOME.")
    files = {name: File(len(text), hashlib.sha256(text).hexdigest()) for name, text in texts.items()}
    files |= {name: File(path.stat().st_size, file_sha256(path)) for name, path in paths.items()}
    backup = Backup(now.isoformat(timespec="seconds"), __version__, generation, files)
    contents = json.dumps(asdict(backup), indent=1, sort_keys=True).encode() + b"\n"
    with (
        replacing(target, mode=0o600) as file,
        tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEVEL, format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, text in {_CONTENTS: contents, **texts}.items():
            tar.addfile(_member(name, len(text), now), BytesIO(text))
        for name, path in paths.items():
            _add(tar, name, path, files[name], now)
    return backup


def _add(tar: tarfile.TarFile, name: str, path: Path, known: File, now: datetime) -> None:
    """Add a file; raises IndexFailed if it is not as it was when its hash was taken."""
    changed = IndexFailed(f"{path} changes while it is copied. Stop what writes to this index, and try again.")
    with path.open("rb") as file:
        read = _Hashed(file)
        try:
            tar.addfile(_member(name, known.bytes, now), read)
        except OSError as error:
            if error.errno is None:  # tarfile's own: the file has become shorter
                raise changed from None
            raise
        if read.sha256 != known.sha256:
            raise changed


def _member(name: str, size: int, now: datetime) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(now.timestamp())
    return member


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._hash.update(block)
        return block

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def _unpack(source: Path, scratch: Path) -> Backup:
    """Unpack a backup into a folder, and verify it; raises UsageError unless it is whole and one of Citedesk's."""
    if not source.is_file():
        raise UsageError(f"There is no file {source}. Name one that `citedesk backup` wrote.")
    try:
        with gzip.open(source) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as tar:
            backup = _contents(tar)
            seen = {name for member in tar if (name := _extract(tar, member, backup, scratch))}
            while unzipped.read(_BLOCK):  # to its end, where gzip's checksum is
                pass
    except (tarfile.TarError, zlib.error, EOFError, RecursionError) as error:  # the last of nested JSON or folders
        raise UsageError(f"{source} is damaged, or no backup of Citedesk ({error}). Nothing was changed.") from None
    except ValueError as error:
        raise UsageError(f"{source} cannot be restored: {error}. Nothing was changed.") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise UsageError(f"{source} is damaged, or no backup of Citedesk ({error}). Nothing was changed.") from None
    if missing := backup.files.keys() - seen:
        raise UsageError(f"{source} is damaged: {min(missing)} is missing. Nothing was changed.")
    return backup


def _contents(tar: tarfile.TarFile) -> Backup:
    """Read the first member; raises ValueError unless it is a list of contents that this version can restore."""
    first = tar.next()
    file = tar.extractfile(first) if first and first.name == _CONTENTS and first.size <= _MAX_CONTENTS_SIZE else None
    if file is None:
        raise ValueError("it is no backup of Citedesk")
    try:
        values: dict[str, Any] = json.loads(file.read())
        if values["layout"] != _LAYOUT:
            raise ValueError(f"another version of Citedesk wrote it ({values['version']})")
        files = {str(name): File(int(each["bytes"]), str(each["sha256"])) for name, each in values["files"].items()}
        backup = Backup(str(values["created"]), str(values["version"]), values["generation"], files)
    except (TypeError, LookupError, AttributeError, OverflowError) as error:
        raise ValueError(f"its list of contents is damaged ({error!r})") from None
    for name in files:
        if not (name in USER_FILES or (name.startswith(_INDEX) and _is_inside(name))):
            raise ValueError(f"it holds a file that no backup has, {name!r}")
    return backup


def _is_inside(name: str) -> bool:
    """Return whether a member's name stays in the folder it is unpacked into, on any system."""
    path = PurePosixPath(name)
    return ".." not in path.parts and not path.is_absolute() and not set(name) & set("\\:\0") and name == str(path)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, backup: Backup, scratch: Path) -> str | None:
    """Write a member to disk and return its name, None for the list of contents; raises ValueError unless as listed."""
    if member.name == _CONTENTS:
        return None
    known = backup.files.get(member.name)
    if known is None or not member.isreg() or member.size != known.bytes:
        raise ValueError(f"{member.name!r} is not as its list of contents says")
    file = tar.extractfile(member)
    assert file
    read = _Hashed(file)
    path = scratch / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as written:
        shutil.copyfileobj(read, written, _BLOCK)
        written.flush()
        os.fsync(written.fileno())
    if read.sha256 != known.sha256:
        raise ValueError(f"{member.name!r} is damaged")
    return member.name


def _manifest(unpacked: Path) -> Manifest:
    """Read the manifest of an unpacked generation; raises UsageError if it has another format."""
    manifest = read_manifest(unpacked)
    if manifest.recipe.format != FORMAT:
        raise UsageError(
            f"The backup's index has format {manifest.recipe.format}, and this version reads {FORMAT}. Nothing was "
            "changed; build the index from its papers: `citedesk index PATH`."
        )
    return manifest


def _publish(folder: IndexFolder, unpacked: Path, manifest: Manifest, now: datetime) -> str:
    """Make an unpacked generation the current one, under a new name, which sorts after those that are there."""
    shutil.rmtree(folder.staging, ignore_errors=True)
    unpacked.rename(folder.staging)
    name = generation_name(now, manifest.content)
    folder.publish(replace(manifest, generation=name))
    return name


def _replace(path: Path, new: Path) -> None:
    if path.is_file() and path.read_bytes() != new.read_bytes():
        path.replace(path.with_name(path.name + REPLACED))
    new.chmod(0o600)  # as the feedback was
    new.replace(path)
    fsync(path.parent)
