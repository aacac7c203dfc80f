from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from eval.structure import loose_modules, main, measure_package, trace
from rag.cli.main import main as citedesk
from rag.corpus.records import paper_to_record
from tests.conftest import PROJECT
from tests.fakes import PAPERS


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write(tmp_path / "rag" / "__init__.py", "")
    write(tmp_path / "rag" / "engine.py", "def ask():\n    return 1\n\n\nclass A:\n    def ask(self):\n        pass\n")
    write(tmp_path / "rag" / "text" / "tokens.py", "def tokenize():\n    a = 1\n    return a\n")
    for package in ("ui", "eval", "tests"):
        write(tmp_path / package / "a.py", "def a(): pass\n")
    return tmp_path


def test_files_and_functions_are_counted_and_empty_files_are_not(tree: Path) -> None:
    size = measure_package(tree, "rag")
    assert (size.files, size.lines, size.median_file, size.largest_file) == (2, 10, 5, (7, "rag/engine.py"))
    assert (size.functions, size.median_function) == (3, 2)
    assert size.largest_function == (3, "rag/text/tokens.py:tokenize")
    assert loose_modules(tree) == ["engine"]


def test_command_prints_a_row_for_each_package(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tree)]) == 0
    printed = capsys.readouterr().out
    assert "| rag | 2 | 10 | 5 | 7 (rag/engine.py) | 3 | 2 | 3 (rag/text/tokens.py:tokenize) |" in printed
    assert "Loose modules in rag/: 1 (engine)" in printed


def test_folder_without_a_package_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"error: .*rag holds no Python files"):
        main([str(tmp_path)])


def test_trace_reports_why_a_question_cannot_be_asked(tree: Path) -> None:
    with pytest.raises(SystemExit, match="error: the question could not be asked in"):
        trace(tree, tree / "home", "which papers?")


def test_trace_counts_what_a_question_calls(tmp_path: Path) -> None:
    corpus = tmp_path / "papers.jsonl"
    corpus.write_text("".join(json.dumps(paper_to_record(paper)) + "\n" for paper in PAPERS))
    assert citedesk(["index", "--quiet", "--home", str(tmp_path / "home"), str(corpus)]) == 0
    found = trace(PROJECT, tmp_path / "home", "which method prunes the KV cache?")
    assert min(found["switches"], found["functions"]) > found["files"] > 10


def test_it_needs_nothing_of_the_tree() -> None:
    source = ast.parse((PROJECT / "eval" / "structure.py").read_text(encoding="utf-8"))
    imported = [node.module for node in ast.walk(source) if isinstance(node, ast.ImportFrom) and node.module]
    assert not [module for module in imported if module.split(".")[0] in ("rag", "ui", "eval", "tests")]
