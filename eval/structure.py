"""`python -m eval.structure [TREE]`: the size of a source tree, and the path that a question takes through rag/.

It depends on nothing in the tree, so that any checkout can be measured. A trace runs the question extractively in a
process of the tree, after another question has loaded the models, and records the calls of `Engine.ask` into functions
of rag/, without lambdas and generator expressions: their distinct files and functions, and the switches, which are two
consecutive calls into different files.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = ("rag", "ui", "eval", "tests")

_TRACE = """
import json, sys
from pathlib import Path
import rag, rag.engine

root, home, question = str(Path(sys.argv[1], "rag").resolve()), Path(sys.argv[2]), sys.argv[3]
engine = rag.engine.build(rag.load_settings({"home": home}).settings, use_llm=False)
list(engine.ask("what is studied here?"))
calls = []

def record(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(root) and not code.co_name.startswith("<"):
        calls.append((code.co_filename, code.co_qualname))

sys.setprofile(record)
events = list(engine.ask(question))
sys.setprofile(None)
files = [file for file, _ in calls]
switches = sum(file != before for before, file in zip(files, files[1:]))
answer = events[-1].answer
print(json.dumps({"question": question, "kind": answer.query.kind, "citations": len(answer.citations),
                  "files": len(set(files)), "functions": len(set(calls)), "switches": switches}))
"""


@dataclass(frozen=True, slots=True)
class PackageSize:
    """The size of a package's Python files; lines are physical lines, the largest ones as (lines, name)."""

    package: str
    files: int
    lines: int
    median_file: float
    largest_file: tuple[int, str]
    functions: int
    median_function: float
    largest_function: tuple[int, str]


def measure_package(tree: Path, package: str) -> PackageSize:
    """Measure the Python files below a package's folder; raises SystemExit where there are none."""
    files = {path: path.read_text(encoding="utf-8") for path in sorted((tree / package).rglob("*.py"))}
    if not any(files.values()):
        raise SystemExit(f"error: {tree / package} holds no Python files. Name the root of a checkout.")
    lines = [(len(text.splitlines()), path.relative_to(tree).as_posix()) for path, text in files.items() if text]
    functions = [
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{path.relative_to(tree).as_posix()}:{node.name}")
        for path, text in files.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return PackageSize(
        package,
        len(lines),
        sum(count for count, _ in lines),
        statistics.median(count for count, _ in lines),
        max(lines),
        len(functions),
        statistics.median(count for count, _ in functions),
        max(functions),
    )


def loose_modules(tree: Path) -> list[str]:
    """Return the modules of rag/ that are in none of its folders."""
    return sorted(path.stem for path in (tree / "rag").glob("*.py") if not path.stem.startswith("__"))


def trace(tree: Path, home: Path, question: str) -> dict[str, Any]:
    """Ask a question of the index in `home` with the tree's own code; raises SystemExit where that fails."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CITEDESK_")}
    asked = subprocess.run(
        [sys.executable, "-P", "-c", _TRACE, str(tree), str(home.resolve()), question],
        cwd=tree,
        env={**own, "PYTHONPATH": str(tree.resolve()), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    if asked.returncode:
        raise SystemExit(f"error: the question could not be asked in {tree}: {asked.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
    return found


def to_text(sizes: Sequence[PackageSize], loose: Sequence[str], traced: dict[str, Any] | None) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| package | files | lines | median file | largest file | functions | median function | largest function |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in sizes:
        (file_lines, file), (function_lines, function) = each.largest_file, each.largest_function
        lines.append(
            f"| {each.package} | {each.files} | {each.lines} | {each.median_file:g} | {file_lines} ({file}) "
            f"| {each.functions} | {each.median_function:g} | {function_lines} ({function}) |"
        )
    lines += ["", f"Loose modules in rag/: {len(loose)} ({', '.join(loose)})"]
    if traced:
        lines.append(
            f"“{traced['question']}” ({traced['kind']}, {traced['citations']} citations): {traced['files']} files, "
            f"{traced['functions']} functions, {traced['switches']} switches between files"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures of a tree."""
    parser = argparse.ArgumentParser(prog="python -m eval.structure", description=main.__doc__)
    parser.add_argument("tree", type=Path, nargs="?", default=Path(), metavar="TREE", help="root of a checkout (.)")
    parser.add_argument("--trace", metavar="QUESTION", help="also count what this question calls inside rag/")
    parser.add_argument("--home", type=Path, default=Path(".citedesk"), metavar="DIR", help="index to ask (.citedesk)")
    given = parser.parse_args(arguments)
    sizes = [measure_package(given.tree, package) for package in PACKAGES]
    traced = trace(given.tree, given.home, given.trace) if given.trace else None
    sys.stdout.write(to_text(sizes, loose_modules(given.tree), traced))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
