"""What a user meets when an index on disk is not as it was left."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from rag.cli.main import main
from rag.index.vectors import open_vectors
from tests.fakes import PAPERS
from tests.indexes import index_corpus, write_corpus

ADDED = "3 added, 0 replaced, 0 removed, 0 unchanged, 0 failed\n"


@pytest.fixture
def generation(tmp_path: Path) -> Path:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", PAPERS), tmp_path / "home")
    index = tmp_path / "home" / "index"
    return index / (index / "current").read_text().strip()


def overwrite(path: Path) -> None:
    path.write_bytes(b"\x00garbage" * 3)


def files(generation: Path) -> list[Path]:
    names = ("papers.sqlite", "lexical/terms.npy", "lexical/rows.npy", "../current")
    return [
        *(generation / name for name in names),
        *generation.glob("vectors/*/*.bin"),
        *sorted(generation.glob("late/*")),
    ]


@pytest.mark.parametrize("position", range(10))
def test_damaged_file_is_noticed_by_doctor_and_made_good_by_index(
    generation: Path, position: int, capsys: pytest.CaptureFixture[str]
) -> None:
    overwrite(files(generation)[position])
    assert main(["doctor", "--json"]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["index"]["state"] == "fail"
    assert main(["index", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith(ADDED)
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


def test_damage_that_leaves_size_and_time_is_noticed_by_doctor(
    generation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = generation / "late" / "vectors"
    before = path.stat()
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert main(["index", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("0 added")
    assert main(["doctor", "--json"]) == 1
    assert "late/vectors" in capsys.readouterr().out
