from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eval.gold.questions import DRAFTS
from rag.cli.main import main
from rag.errors import CitedeskError, IndexFailed, UsageError
from rag.index import backup as backups
from rag.index.backup import USER_FILES, restore_backup, write_backup
from rag.index.generations import IndexFolder, damaged_files, write_manifest
from tests.conftest import PROJECT
from tests.fakes import PAPERS, SHELF, hash_library, hash_models, hash_settings
from tests.serving import wait_until
from tests.timing import PATIENCE
from ui import feedback
from ui.engine_holder import EngineHolder

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC) + timedelta(days=365)


def nobody() -> None:
    raise AssertionError("nothing else holds the lock")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with an index of `PAPERS` and the files of a user, and with what no backup holds."""
    home = tmp_path / "home"
    hash_library(home, PAPERS).close()
    for name in USER_FILES:
        (home / name).write_text(f"{name}\n")
    (home / ".env").write_text("CITEDESK_LLM_API_KEY=secret\n")
    (home / "models").mkdir()
    (home / "models" / "small.gguf").write_bytes(b"weights")
    return home


@pytest.fixture
def saved(home: Path, tmp_path: Path) -> Path:
    write_backup(home, tmp_path / "b.tar.gz", NOW, nobody)
    return tmp_path / "b.tar.gz"


def state(home: Path) -> dict[str, bytes]:
    """Return the files of a home folder without locks, the generations by what their names end in."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def current(home: Path) -> dict[str, bytes]:
    """Return the files of the current generation but its manifest, which holds its name."""
    files = state(IndexFolder(home).current())
    del files["manifest.json"]
    return files


def rewritten(saved: Path, target: Path, change: dict[str, bytes | None], **contents: Any) -> Path:
    """Write a backup again with other members, or none, and other values in its list of contents."""
    with tarfile.open(saved) as old:
        members = {member.name: old.extractfile(member).read() for member in old}  # type: ignore[union-attr]
    members = {name: value for name, value in {**members, **change}.items() if value is not None}
    if contents:
        members["backup.json"] = json.dumps(json.loads(members["backup.json"]) | contents).encode()
    with tarfile.open(target, "w:gz") as new:
        for name, value in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(value)
            new.addfile(member, io.BytesIO(value))
    return target


def test_what_is_saved_is_restored_to_an_empty_folder(home: Path, saved: Path, tmp_path: Path) -> None:
    backup = restore_backup(saved, tmp_path / "new", NOW, nobody)
    assert current(tmp_path / "new") == current(home)
    assert IndexFolder(tmp_path / "new").manifest().papers == len(PAPERS)
    assert {name: (tmp_path / "new" / name).read_text() for name in USER_FILES} == {
        name: f"{name}\n" for name in USER_FILES
    }
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(("index", *USER_FILES))
    assert (tmp_path / "new" / "index" / "current").read_text().strip() == backup.generation
    assert saved.stat().st_mode & 0o777 == 0o600


def test_backup_holds_no_key_and_no_model(saved: Path) -> None:
    with tarfile.open(saved) as tar:
        names = tar.getnames()
    assert not [name for name in names if "env" in name or "models" in name or "lock" in name]


def test_files_that_users_fill_are_saved() -> None:
    assert {feedback.FILE, DRAFTS} < set(USER_FILES)


def test_restored_index_replaces_another_in_a_running_server_and_the_old_one_stays_readable(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, easy_ranker: None
) -> None:
    (home / "tuning.json").unlink()
    write_backup(home, tmp_path / "b.tar.gz", NOW, nobody)
    shutil.rmtree(home / "index")
    hash_library(home, SHELF).close()
    before = IndexFolder(home).current()
    monkeypatch.setattr("ui.engine_holder._POLL_INTERVAL", 0.02)
    holder = EngineHolder(hash_settings(home), lambda settings: hash_models())
    holder.start()
    try:
        holder.engine(PATIENCE)
        restore_backup(tmp_path / "b.tar.gz", home, NOW, nobody)
        wait_until(lambda: holder.status.papers == len(PAPERS))
        assert before.is_dir()
    finally:
        holder.close()


def test_file_that_a_restore_replaces_is_kept_beside_it(home: Path, saved: Path) -> None:
    (home / feedback.FILE).write_text("newer\n")
    restore_backup(saved, home, NOW, nobody)
    assert (home / feedback.FILE).read_text() == f"{feedback.FILE}\n"
    assert (home / f"{feedback.FILE}.replaced").read_text() == "newer\n"
    assert not (home / f"{DRAFTS}.replaced").exists()


def test_index_update_after_a_restore_goes_on_from_what_was_restored(home: Path, saved: Path) -> None:
    newer = IndexFolder(home).current().name
    restore_backup(saved, home, NOW, nobody)
    folder = IndexFolder(home)
    folder.recover()
    assert folder.current().name > newer
    assert not folder.staging.exists()


@pytest.mark.parametrize("position", range(12))
def test_damaged_backup_changes_nothing_and_says_so_in_one_line(
    home: Path, saved: Path, tmp_path: Path, position: int
) -> None:
    hash_library(tmp_path / "other", SHELF).close()
    before = state(tmp_path / "other")
    data = saved.read_bytes()
    contents = gzip.decompress(data)
    place = len(data) * position // 12
    for damaged in (data[:place], data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]):
        saved.write_bytes(damaged)
        try:
            restore_backup(saved, tmp_path / "other", NOW, nobody)
        except UsageError as error:
            assert str(error).endswith("Nothing was changed.") and "\n" not in str(error)
            assert state(tmp_path / "other") == before
        else:  # a match of gzip's at another distance, where the bytes are the same
            assert gzip.decompress(damaged) == contents
            assert current(tmp_path / "other") == current(home)


@pytest.mark.parametrize(
    ("change", "contents", "said"),
    [
        ({"backup.json": None}, {}, "it is no backup of Citedesk"),
        ({"backup.json": b"[1]"}, {}, "its list of contents is damaged"),
        ({"backup.json": b"[" * 100_000}, {}, "is damaged, or no backup of Citedesk"),
        ({}, {"files": {"feedback.jsonl": {"bytes": float("inf"), "sha256": ""}}}, "its list of contents is damaged"),
        ({}, {"layout": 2}, "another version of Citedesk wrote it"),
        ({"feedback.jsonl": b"feedback.jsonX\n"}, {}, "'feedback.jsonl' is damaged"),
        ({"feedback.jsonl": b"more\n"}, {}, "'feedback.jsonl' is not as its list of contents says"),
        ({"feedback.jsonl": None}, {}, "feedback.jsonl is missing"),
        ({"index/extra": b""}, {}, "'index/extra' is not as its list of contents says"),
        ({"../../evil": b"x"}, {}, "'../../evil' is not as its list of contents says"),
    ],
)
def test_foreign_or_changed_backup_is_refused(
    saved: Path, tmp_path: Path, change: dict[str, bytes | None], contents: dict[str, Any], said: str
) -> None:
    changed = rewritten(saved, tmp_path / "changed.tar.gz", change, **contents)
    with pytest.raises(UsageError, match=r"Nothing was changed\.$") as refused:
        restore_backup(changed, tmp_path / "new", NOW, nobody)
    assert said in str(refused.value)
    assert state(tmp_path / "new") == {}


@pytest.mark.parametrize("name", ["/etc/passwd", "index/../../evil", "index\\evil", "C:evil", ".env", "index//a"])
def test_backup_cannot_write_anywhere_else(saved: Path, tmp_path: Path, name: str) -> None:
    files = {name: {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}}
    changed = rewritten(saved, tmp_path / "changed.tar.gz", {name: b"x"}, files=files, generation=None)
    with pytest.raises(UsageError, match="it holds a file that no backup has"):
        restore_backup(changed, tmp_path / "new", NOW, nobody)
    assert state(tmp_path / "new") == {}


def test_links_in_a_backup_are_refused(saved: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.tar.gz"
    files = {"feedback.jsonl": {"bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}}
    listed = {"created": "", "version": "", "generation": None, "files": files, "layout": 1}
    contents = json.dumps(listed).encode()
    with tarfile.open(changed, "w:gz") as tar:
        first, link = tarfile.TarInfo("backup.json"), tarfile.TarInfo("feedback.jsonl")
        first.size, link.type, link.linkname = len(contents), tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(first, io.BytesIO(contents))
        tar.addfile(link)
    with pytest.raises(UsageError, match="is not as its list of contents says"):
        restore_backup(changed, tmp_path / "new", NOW, nobody)


def test_index_of_another_format_is_refused(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.index.generations.FORMAT", 99)
    monkeypatch.setattr(backups, "FORMAT", 99)
    with pytest.raises(UsageError, match=r"and this version reads 99\. Nothing was changed"):
        restore_backup(saved, tmp_path / "new", NOW, nobody)
    assert state(tmp_path / "new") == {}


def test_damaged_index_is_not_saved_over_a_good_backup(home: Path, saved: Path) -> None:
    good = saved.read_bytes()
    (IndexFolder(home).current() / "papers.sqlite").write_bytes(b"x")
    with pytest.raises(IndexFailed, match=r"damaged \(papers.sqlite\), so it is not saved. Run `citedesk index`"):
        write_backup(home, saved, NOW, nobody)
    assert saved.read_bytes() == good
    assert not list(saved.parent.glob(".*"))


def test_file_that_changes_while_it_is_copied_is_not_saved(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = backups._add

    def changing(tar: Any, name: str, path: Path, *arguments: Any) -> None:
        if name.endswith("length.bin"):
            path.write_bytes(bytes(each ^ 1 for each in path.read_bytes()))
        add(tar, name, path, *arguments)

    monkeypatch.setattr(backups, "_add", changing)
    with pytest.raises(IndexFailed, match=r"length\.bin changes while it is copied"):
        write_backup(home, tmp_path / "c.tar.gz", NOW, nobody)
    assert not (tmp_path / "c.tar.gz").exists()


def test_home_without_an_index_is_saved_and_one_with_nothing_is_not(home: Path, tmp_path: Path) -> None:
    shutil.rmtree(home / "index")
    assert write_backup(home, tmp_path / "b.tar.gz", NOW, nobody).generation is None
    assert restore_backup(tmp_path / "b.tar.gz", tmp_path / "new", NOW, nobody).user_files == tuple(sorted(USER_FILES))
    with pytest.raises(CitedeskError, match="There is nothing to save"):
        write_backup(tmp_path / "none", tmp_path / "c.tar.gz", NOW, nobody)
    assert not (tmp_path / "none").exists()


def test_vectors_on_a_server_are_said_to_be_missing(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "tuning.json").unlink()
    generation, manifest = IndexFolder(home).current(), IndexFolder(home).manifest()
    write_manifest(generation, replace(manifest, recipe=replace(manifest.recipe, server="Chroma's server")))
    for command in ("backup", "restore"):
        assert main([command, str(tmp_path / "b.tar.gz"), "--home", str(home)]) == 0
        assert capsys.readouterr().err.startswith("the vectors are on Chroma's server, and ")


def test_commands_say_what_they_saved_and_restored(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "b.tar.gz")
    (home / "tuning.json").unlink()
    assert main(["backup", file, "--home", str(home)]) == 0
    generation = IndexFolder(home).current().name
    said = f"saved in {file}: index {generation}, feedback.jsonl, questions.jsonl\n"
    assert capsys.readouterr().out == said
    assert main(["restore", file, "--home", str(tmp_path / "new"), "--json"]) == 0
    restored = json.loads(capsys.readouterr().out)
    assert restored["generation"] == IndexFolder(tmp_path / "new").current().name
    assert restored["files"] == ["feedback.jsonl", "questions.jsonl"]
    assert main(["restore", str(tmp_path / "nowhere"), "--home", str(home)]) == 2
    assert capsys.readouterr().err.startswith("error: There is no file ")


_KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from rag.index.backup import restore_backup

left = int(sys.argv[3])

def counted(event, arguments):
    global left
    if event == "os.rename":  # os.replace too
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(counted)
restore_backup(Path(sys.argv[1]), Path(sys.argv[2]), datetime(2028, 1, 1, tzinfo=UTC), print)
"""


def test_restore_that_is_killed_at_any_step_leaves_the_old_index_or_the_new(
    home: Path, saved: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    hash_library(other, SHELF).close()
    (other / feedback.FILE).write_text("newer\n")
    seen = set()
    for step in range(100):
        shutil.rmtree(tmp_path / "trial", ignore_errors=True)
        shutil.copytree(other, tmp_path / "trial")
        folder = IndexFolder(tmp_path / "trial")
        code = [sys.executable, "-c", _KILLED, str(saved), str(tmp_path / "trial"), str(step)]
        ended = subprocess.run(code, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}).returncode
        assert ended in (0, 9)
        assert damaged_files(folder.current(), folder.manifest(), thorough=True) == ()
        seen.add(papers := folder.manifest().papers)
        kept = [path.read_text() for path in (tmp_path / "trial").glob(f"{feedback.FILE}*")]
        assert "newer\n" in kept
        if ended == 0:
            assert papers == len(PAPERS)
            break
        restore_backup(saved, tmp_path / "trial", NOW + timedelta(days=365), nobody)
        assert current(tmp_path / "trial") == current(home)
    assert step > 5 and seen == {len(SHELF), len(PAPERS)}
