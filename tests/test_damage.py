"""What a user meets when an index on disk is not as it was left."""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.cli.main import main
from rag.index import generations, integrity
from rag.index.vectors import open_vectors
from tests.fakes import PAPERS, REEF
from tests.indexes import index_corpus, write_corpus

ADDED = "3 added, 0 replaced, 0 removed, 0 unchanged, 0 failed\n"


@pytest.fixture
def generation(tmp_path: Path) -> Path:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    index = tmp_path / "home" / "index"
    return index / (index / "current").read_text().strip()


def files(generation: Path) -> list[Path]:
    """Return all files of an index, with the manifest and the pointer."""
    found = sorted(path for path in generation.rglob("*") if path.is_file())
    assert {"papers.sqlite", "chroma.sqlite3", "header.bin", "length.bin", "manifest.json"} <= {x.name for x in found}
    return [*found, generation.parent / "current"]


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x41
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "cut": cut,
    "emptied": lambda path: os.truncate(path, 0),
    "first byte": lambda path: flip(path, 0),
    "middle byte": lambda path: flip(path, 0.5),
    "last byte": lambda path: flip(path, 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_any_file_is_one_clear_line_and_seen_by_doctor(
    generation: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in files(generation):
        content, times = path.read_bytes(), path.stat()
        if path.name == "current" and damage == "last byte":  # a line break
            continue
        DAMAGES[damage](path)
        assert main(["search", "caches"]) == 1, path
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "citedesk index" in error, path
        assert main(["doctor", "--json"]) == 1, path
        checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
        assert checks["index"]["state"] == "fail", path
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert main(["search", "caches", "--json"]) == 0, path
        capsys.readouterr()


@pytest.mark.parametrize("position", range(17))
def test_damage_is_made_good_by_index_which_says_so(
    generation: Path, position: int, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = [path for path in files(generation) if path.name != "manifest.json"]
    assert len(damaged) == 17
    flip(damaged[position], 0)
    assert main(["index", "--quiet"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(ADDED)
    assert "all papers were embedded again: the index was damaged" in said.err
    assert main(["doctor", "--json"]) == 0


@pytest.mark.parametrize("name", ["papers.sqlite", "lexical", "vectors", "late", "late/starts", "manifest.json"])
def test_missing_part_is_one_clear_line_and_made_good_by_index(
    generation: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    part = generation / name
    shutil.rmtree(part) if part.is_dir() else part.unlink()
    assert main(["search", "caches"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "citedesk index" in error
    if name != "manifest.json":
        assert main(["index", "--quiet"]) == 0
        assert capsys.readouterr().out.startswith(ADDED)


def test_lost_pointer_does_not_change_what_is_indexed(generation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (generation.parent / "current").unlink()
    assert main(["index", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith(ADDED)


def test_index_that_cannot_tell_its_papers_asks_for_them(generation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (generation / "manifest.json").write_text("null")
    assert main(["index", "--quiet"]) == 1
    assert "citedesk index --rebuild PATH" in capsys.readouterr().err


def test_index_that_may_not_be_written_to_is_read_from_a_copy(
    generation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.index import vectors

    opened = vectors._open

    def read_only(folder: Path, *copied_to: Any) -> vectors.EmbeddedVectors:
        if folder == generation / "vectors":
            raise RuntimeError("attempt to write a readonly database")
        return opened(folder, *copied_to)

    monkeypatch.setattr(vectors, "_open", read_only)
    store = open_vectors(generation / "vectors")
    assert store.count() == 3
    store.close()


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take each index for one that is too large to be read as a whole whenever it is opened."""
    monkeypatch.setattr(generations, "_SMALL", 0)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("name", ["header.bin", "data_level0.bin", "length.bin", "chroma.sqlite3"])
def test_vectors_are_compared_even_where_size_and_time_are_as_they_were(
    generation: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = generation.rglob(name)
    before = path.stat()
    flip(path, 0.5)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert main(["search", "caches"]) == 1
    assert name in capsys.readouterr().err
    assert main(["index", "--quiet"]) == 0
    assert name in capsys.readouterr().err


@pytest.fixture
def rotten(generation: Path) -> Path:
    """A file of which a byte was changed, but not the size or the time."""
    path = generation / "late" / "vectors"
    before = path.stat()
    flip(path, 0.5)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path


def test_damage_that_leaves_size_and_time_is_noticed_by_a_question_to_a_small_index(
    rotten: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--no-llm", "caches"]) == 1
    assert "late/vectors" in capsys.readouterr().err


@pytest.mark.usefixtures("large")
def test_damage_that_leaves_size_and_time_is_noticed_by_doctor(
    rotten: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("0 added")
    assert main(["doctor", "--json"]) == 1
    assert "late/vectors" in capsys.readouterr().out


@pytest.mark.usefixtures("large")
def test_damage_that_leaves_size_and_time_is_not_copied_to_the_next_generation(
    rotten: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path / "papers.jsonl", [*PAPERS, REEF])
    assert main(["index", "--quiet"]) == 0
    assert "the index was damaged (late/vectors)" in capsys.readouterr().err
    assert main(["doctor", "--json"]) == 0


@pytest.mark.usefixtures("large")
def test_index_that_was_copied_is_read_once_more_and_then_known(
    generation: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read: list[str] = []
    hashes = integrity._hashes

    def counted(path: Path, *arguments: int) -> Sequence[str]:
        read.append(path.name)
        return hashes(path, *arguments)

    monkeypatch.setattr(integrity, "_hashes", counted)
    os.utime(generation / "papers.sqlite")
    assert main(["search", "caches", "--json"]) == 0
    assert main(["search", "caches", "--json"]) == 0
    assert read.count("papers.sqlite") == 1


def test_reading_an_index_changes_none_of_its_files(generation: Path) -> None:
    def state() -> dict[Path, tuple[int, bytes]]:
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files(generation)}

    before = state()
    store = open_vectors(generation / "vectors")
    store.search(np.ones(384, np.float32), 3)
    store.paper_vectors()
    store.close()
    gc.collect()
    assert state() == before


def test_copy_of_a_damaged_generation_is_not_resumed(
    generation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    staging = generation.parent / "staging"
    shutil.copytree(generation, staging)
    recipe = (generation / "base").read_text().split("\n")[0]
    (staging / "base").write_text(f"{recipe}\n{generation.name}")
    flip(generation / "papers.sqlite", 0.5)
    assert main(["index", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith(ADDED)
    assert main(["doctor", "--json"]) == 0


def test_lost_pointer_to_one_of_two_generations_is_made_good(
    generation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path / "papers.jsonl", [*PAPERS, REEF])
    assert main(["index", "--quiet"]) == 0
    (generation.parent / "current").unlink()
    capsys.readouterr()
    assert main(["index", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("4 added")
    assert main(["search", "caches", "--json"]) == 0


@pytest.mark.parametrize("name", ["tuning.json", "index/current"])
def test_home_of_another_user_is_not_called_damaged(
    generation: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read_text = Path.read_text

    def forbidden(path: Path, *arguments: Any, **options: Any) -> str:
        if path == generation.parents[1] / name:
            raise PermissionError(errno.EACCES, "Permission denied")
        return read_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", forbidden)
    assert main(["search", "caches"]) in (1, 2)
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "cannot be read: Permission denied. Run this as the user who owns it" in error
