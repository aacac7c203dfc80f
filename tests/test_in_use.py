from __future__ import annotations

import errno
from pathlib import Path

import pytest

from rag.index.in_use import InUse, Unused, is_used


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.json"
    path.write_text("{}", encoding="utf-8")
    return path


def test_generation_is_used_until_its_last_reader_closes_it(manifest: Path) -> None:
    readers = [InUse(manifest), InUse(manifest)]
    assert is_used(manifest)
    readers.pop().close()
    with pytest.raises(OSError):
        Unused(manifest)
    readers.pop().close()
    assert not is_used(manifest)


def test_generation_that_is_being_deleted_is_not_opened(manifest: Path) -> None:
    deleting = Unused(manifest)
    with pytest.raises(OSError):
        InUse(manifest)
    deleting.close()
    InUse(manifest).close()


def test_file_system_without_locks_is_used_all_the_same(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("rag.index.in_use.fcntl.flock", refuse)
    InUse(manifest).close()
    assert not is_used(manifest)
