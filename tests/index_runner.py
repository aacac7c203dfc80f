"""A program that indexes on request, each time in a forked child, which is killed at the moment that is named.

Each line of its input is a JSON list of home, moment and number of papers. For each it prints "waiting" if another
process holds the index, "locked" once it does itself, and the child's exit code: 0, or minus the signal's number.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Imported before the children are made, so that none of them has to.
import chromadb_rust_bindings  # noqa: F401

from rag.corpus.reader import Corpus
from rag.index import generations, papers, staging, update, vectors
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


def index(home: Path, moment: str, count: int) -> None:
    """Index so many papers, and die at the moment if it is one of `MOMENTS`."""
    if moment in MOMENTS:
        die_at(*MOMENTS[moment])
    plan = BuildPlan(Corpus.of(robots(count)), RECIPE, ("/corpus",), 2025, datetime.now(UTC))
    folder = generations.IndexFolder(home)
    with folder.locked(lambda: print("waiting", flush=True)):
        print("locked", flush=True)
        update.update_index(folder, plan, hash_models)


if __name__ == "__main__":
    for line in sys.stdin:
        home, moment, count = json.loads(line)
        if not (child := os.fork()):
            code = 1
            try:
                index(Path(home), moment, count)
                code = 0
            finally:
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
