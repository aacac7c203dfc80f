"""The two programs that are compared: how each indexes papers, answers, and takes a changed paper in."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol

from packaging.requirements import Requirement

from eval.speed.clock import ProcessRun, run_process
from rag.cli.main import ONE_THREAD

PACKAGES = ("citedesk",)
STOCK_PACKAGES = (
    "llama-index-core",
    "llama-index-vector-stores-chroma",
    "llama-index-embeddings-huggingface",
    "chromadb",
)


class Side(Protocol):
    """One program with an index of its own in `store`."""

    @property
    def store(self) -> Path:
        """The folder of its index."""

    def index(self, papers: Path) -> ProcessRun:
        """Index the papers of a JSON Lines file from nothing."""

    def update(self, papers: Path, changed: Path) -> ProcessRun:
        """Bring the index in line with `papers`, of which those in `changed` differ from what it holds."""

    def ask(self, question: str) -> ProcessRun:
        """Answer one question in a fresh process."""

    def warm(self, questions: Path, clients: int = 0) -> ProcessRun:
        """Answer questions in one process, which prints the seconds of each; those of several clients at once."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Citedesk without an endpoint; `fast` leaves out the cross-encoder."""

    store: Path
    fast: bool = False

    def index(self, papers: Path) -> ProcessRun:
        """Index from nothing."""
        shutil.rmtree(self.store, ignore_errors=True)
        return self._citedesk("index", str(papers), "--quiet")

    def update(self, papers: Path, changed: Path) -> ProcessRun:
        """Index the papers again."""
        return self._citedesk("index", str(papers), "--quiet")

    def ask(self, question: str) -> ProcessRun:
        """Answer one question."""
        return self._citedesk("ask", question, "--no-llm", *(["--fast"] if self.fast else []))

    def warm(self, questions: Path, clients: int = 0) -> ProcessRun:
        """Answer questions in one process."""
        fast = ["--fast"] if self.fast else []
        asking = (str(self.store), str(questions), "--clients", str(clients), *fast)
        return run_module("eval.speed.warm", *asking, own=True)

    def _citedesk(self, *arguments: str) -> ProcessRun:
        return run_module("rag", *arguments, "--home", str(self.store))


@dataclass(frozen=True, slots=True)
class Stock:
    """LlamaIndex over Chroma with all-MiniLM-L6-v2."""

    store: Path

    def index(self, papers: Path) -> ProcessRun:
        """Index from nothing."""
        shutil.rmtree(self.store, ignore_errors=True)
        return self._stock("build", papers)

    def update(self, papers: Path, changed: Path) -> ProcessRun:
        """Replace the documents that changed."""
        return self._stock("update", changed)

    def ask(self, question: str) -> ProcessRun:
        """Answer one question."""
        return self._stock("ask", question)

    def warm(self, questions: Path, clients: int = 0) -> ProcessRun:
        """Answer questions in one process."""
        return self._stock("warm", questions, "--clients", str(clients))

    def _stock(self, command: str, given: str | Path, *options: str) -> ProcessRun:
        return run_module("eval.speed.stock", command, str(self.store), str(given), *options)


def run_module(module: str, *arguments: str, own: bool = False) -> ProcessRun:
    """Run a Python module in a process of its own, without the user's settings; raises CitedeskError if it fails.

    With `own` numpy's products run on one thread there, as in a process of `citedesk`.
    """
    environ = {**_environ(), "OPENBLAS_NUM_THREADS": ONE_THREAD} if own else _environ()
    return run_process([sys.executable, "-m", module, *arguments], environ)


def _environ() -> Mapping[str, str]:
    """Return the environment without the user's settings, and with where this process imports from.

    Bytecode is written and read, as that of every installed program is.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("CITEDESK_")}
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    return own | {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}


def disk_bytes(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def installed_bytes(packages: Sequence[str]) -> dict[str, int]:
    """Return the bytes of each installed distribution that these need, themselves included."""
    sizes: dict[str, int] = {}
    left = list(packages)
    while left:
        name = left.pop().lower().replace("_", "-")
        if name in sizes:
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:  # needed on another platform, or of an extra
            continue
        files = [Path(str(file.locate())) for file in found.files or []]
        sizes[name] = sum(each.stat().st_size for each in files if each.is_file())
        left += _needed(found.requires or [])
    return sizes


def _needed(requirements: Sequence[str]) -> Iterator[str]:
    for each in map(Requirement, requirements):
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            yield each.name


def write_changed(papers: Path, changed: Path, one: Path) -> None:
    """Write `papers` with a sentence more in the first abstract to `changed`, and that paper alone to `one`."""
    first, *others = papers.read_text(encoding="utf-8").splitlines()
    record = json.loads(first)
    record["abstract"] = f"{record.get('abstract') or ''} This sentence is new.".strip()
    line = json.dumps(record, ensure_ascii=False)
    changed.write_text("\n".join([line, *others]) + "\n", encoding="utf-8")
    one.write_text(line + "\n", encoding="utf-8")
