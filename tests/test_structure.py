"""The structure of the code: imports point one way, heavy ones wait, and rag/ knows no paper of the collection."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.indexes import index_corpus

FOLDERS = (
    "text",
    "corpus",
    "models",
    "index",
    "llm",
    "query",
    "retrieval",
    "selection",
    "generation",
    "verification",
    "search",
    "engine",
    "render",
    "local_llm",
    "cli",
)
"""The stages of rag/ in the order of the data flow; a stage imports from those before it."""
MODULES = sorted((PROJECT / "rag").rglob("*.py"))
SOURCES = [path for folder in ("rag", "eval", "ui") for path in sorted((PROJECT / folder).rglob("*.py"))]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT / "rag").with_suffix("").parts)


def stage(name: str) -> int:
    """Return the position of a module's stage: text, the loose types, then the other folders in their order."""
    first = name.split(".")[0]
    if first in ("types", "errors", "settings", "answer"):
        return 1
    return 100 if first in ("__init__", "__main__") else 2 * FOLDERS.index(first)


def imported(path: Path) -> set[str]:
    return {
        node.module.removeprefix("rag.")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rag.")
    }


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_stages_import_only_from_stages_before_them(path: Path) -> None:
    here = dotted(path)
    later = {name for name in imported(path) if stage(name) > stage(here)}
    assert not later


def test_modules_of_a_stage_do_not_import_each_other_in_a_circle() -> None:
    graph = {dotted(path): imported(path) for path in MODULES}
    TopologicalSorter({name: names & graph.keys() for name, names in graph.items()}).prepare()


def test_library_does_not_know_the_evaluation() -> None:
    knowing = [dotted(path) for path in MODULES if "from eval." in path.read_text(encoding="utf-8")]
    assert knowing == ["cli.main"]


def test_library_and_evaluation_do_not_know_the_chat() -> None:
    knowing = [path.stem for path in SOURCES if "ui" not in path.parts[-3:] and "from ui." in path.read_text("utf-8")]
    assert knowing == ["main"]


def modules_after(arguments: list[str], **environ: str) -> set[str]:
    code = f"import json, sys; from rag.cli.main import main; main({arguments!r}); print(json.dumps(list(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_help_imports_nothing_heavy() -> None:
    heavy = {"torch", "sentence_transformers", "llama_index", "chromadb", "numpy", "openai", "bm25s", "onnxruntime"}
    assert not heavy & modules_after(["--help"])


def test_unchanged_index_loads_no_model(tmp_path: Path) -> None:
    papers = tmp_path / "papers.jsonl"
    papers.write_text('{"title": "One", "abstract": "Text."}\n')
    arguments = ["index", "--quiet", str(papers)]
    assert "onnxruntime" in modules_after(arguments)
    heavy = {"torch", "sentence_transformers", "llama_index", "chromadb", "onnxruntime", "tokenizers"}
    assert not heavy & modules_after(arguments)


def test_answering_imports_nothing_that_only_other_models_and_endpoints_need(tmp_path: Path) -> None:
    papers = tmp_path / "papers.jsonl"
    papers.write_text('{"title": "One", "abstract": "Text about caches."}\n')
    index_corpus(papers, tmp_path / "home")
    loaded = modules_after(["ask", "caches"])
    assert "chromadb_rust_bindings" in loaded
    others = {"scipy", "pydantic", "httpx", "rag.corpus.reader", "rag.index.update", "rag.verification.written_answer"}
    assert not ({"torch", "sentence_transformers", "llama_index", "chromadb"} | others) & loaded


def test_no_module_of_rag_names_a_paper_of_the_collection() -> None:
    links = (PROJECT / "corpus" / "links.jsonl").read_text(encoding="utf-8")
    titles = [json.loads(line)["title"] for line in links.split("\n") if line]
    code = "\n".join(path.read_text(encoding="utf-8") for path in MODULES).casefold()
    assert len(titles) == 372
    assert not [title for title in titles if title.casefold() in code]
