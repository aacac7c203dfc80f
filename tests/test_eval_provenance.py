from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from eval.runs.provenance import code_version, measured_settings, run_info
from rag import __version__
from rag.index.generations import Manifest, Recipe
from rag.settings import Settings

SETTINGS = Settings(llm_base_url="http://me:hush@127.0.0.1:8080/v1", llm_model="small-model", llm_api_key="hush")


def test_secrets_and_places_are_not_kept() -> None:
    found = measured_settings(SETTINGS, "llm")
    assert found["llm_base_url"] == "http://127.0.0.1:8080/v1"
    assert "hush" not in str(found)
    assert not {"home", "corpus", "llm_api_key"} & found.keys()


def test_endpoint_does_not_matter_where_it_is_not_asked() -> None:
    assert measured_settings(SETTINGS, "extractive") == measured_settings(Settings(), "extractive")
    assert "llm_model" not in measured_settings(SETTINGS, "retrieval")


def test_code_that_was_changed_is_another_version(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert code_version(tmp_path) is None
    (tmp_path / "rag").mkdir()
    (tmp_path / "rag" / "a.py").write_text("1")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "First"]):
        git(*arguments)
    commit = git("rev-parse", "HEAD")
    assert code_version(tmp_path) == commit
    (tmp_path / "rag" / "a.py").write_text("2")
    assert str(code_version(tmp_path)).startswith(f"{commit}+")


def test_run_is_described_by_its_index_and_its_gold(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text("{}")
    manifest = Manifest("g1", "2026-01-02", Recipe("hash", 96, 32), (), 2025, 2, "c0", 4, (), {})
    found = run_info("retrieval", manifest, Settings(), [gold], 7)
    assert (found.generation, found.papers, found.questions, found.version) == ("g1", 2, 7, __version__)
    assert found.gold == {gold.as_posix(): hashlib.sha256(b"{}").hexdigest()}
