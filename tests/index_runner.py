"""A program that runs what changes an index, each time in a forked child, which is killed at the moment that is named.

Each line of its input is a JSON `Order`. For each it prints the child's process id, "waiting" if another process holds
the index, "locked" once the child does itself, and the child's exit code: 0, or minus the signal's number.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

# Imported before the children are made, so that none of them has to.
import chromadb_rust_bindings  # noqa: F401

from rag.corpus.reader import Corpus
from rag.index import generations, papers, staging, update, vectors
from rag.index.backup import restore_backup, write_backup
from rag.index.chroma import LocalCollection
from rag.index.plan import BuildPlan
from tests.fakes import hash_models
from tests.test_update import RECIPE, robots

MOMENTS: dict[str, tuple[Any, str, int, bool]] = {
    # the function, the call of it that is the last, and whether the process dies after that call or before
    "copy": (staging, "link_token_vectors", 1, True),
    "token_vectors": (staging, "append_token_vectors", 1, True),
    "first_write": (vectors.EmbeddedVectors, "write", 1, True),
    "first_paper": (papers.PaperWriter, "add", 1, False),
    "second_write": (vectors.EmbeddedVectors, "write", 2, True),
    "second_paper": (papers.PaperWriter, "add", 2, True),
    "lexical": (staging.Postings, "save", 1, True),
    "finish": (papers.PaperWriter, "finish", 1, True),
    "manifest": (generations, "write_atomic", 1, True),
    "pointer": (generations, "write_atomic", 2, False),
    "prune": (generations.IndexFolder, "_prune", 1, True),
}
_STEPS = (
    *((os, name) for name in ("rename", "replace", "fsync", "link", "unlink", "rmdir", "mkdir", "truncate", "utime")),
    *((LocalCollection, name) for name in ("upsert", "delete", "touch")),
)
"""The calls that change what is on disk, besides the commits of SQLite."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a child does to an index, or to the file of a backup, and when it dies.

    `papers` are the numbers of the robots that are indexed, with `edition` in their abstracts. `moment` is one of
    `MOMENTS`, or the number of a step, before which the child dies; any other lets it end.
    """

    home: str
    moment: str | int = ""
    papers: tuple[int, ...] = ()
    edition: str = ""
    rebuild: bool = False
    command: Literal["index", "backup", "restore"] = "index"
    file: str = ""


def die_at(owner: Any, name: str, last: int, after: bool) -> None:
    """Have this process killed before or after a function's call of that number."""
    function, calls = getattr(owner, name), 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if calls == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, counted)


def die_before_step(last: int) -> None:
    """Have this process killed before the step of that number, of all that change what is on disk."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps > last:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepping(function: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **options: Any) -> Any:
            step()
            return function(*arguments, **options)

        return stepped

    class Stepping(sqlite3.Connection):
        def __exit__(self, *arguments: Any) -> Any:
            step()
            return super().__exit__(*arguments)

    for owner, name in _STEPS:
        setattr(owner, name, stepping(getattr(owner, name)))
    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **options: connect(*arguments, **options, factory=Stepping)  # type: ignore


def run(order: Order) -> None:
    """Do what an order says."""
    if isinstance(order.moment, int):
        die_before_step(order.moment)
    elif order.moment in MOMENTS:
        die_at(*MOMENTS[order.moment])
    home, now = Path(order.home), datetime.now(UTC)
    if order.command == "backup":
        write_backup(home, Path(order.file), now, lambda: print("waiting", flush=True))
    elif order.command == "restore":
        restore_backup(Path(order.file), home, now, lambda: print("waiting", flush=True))
    else:
        wanted = robots(order.papers, order.edition)
        plan = BuildPlan(Corpus.of(wanted), RECIPE, ("/corpus",), 2025, now, order.rebuild)
        folder = generations.IndexFolder(home)
        with folder.locked(lambda: print("waiting", flush=True)):
            print("locked", flush=True)
            update.update_index(folder, plan, hash_models)


if __name__ == "__main__":
    for line in sys.stdin:
        order = Order(**json.loads(line))
        if not (child := os.fork()):
            code = 1
            try:
                print(os.getpid(), flush=True)
                run(order)
                code = 0
            finally:
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
