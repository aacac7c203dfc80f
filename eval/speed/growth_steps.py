"""`python -m eval.speed.growth_steps index|ask HOME FILE`: one step of the growth measurement, in a process of its own.

The encoder is a stand-in (`eval.speed.stand_in`); its own time is reported apart.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, TypeVar

from eval.speed.clock import read_questions
from eval.speed.stand_in import StandInEncoder
from rag.answer import Answer, Done
from rag.engine import Engine
from rag.index.generations import IndexFolder
from rag.index.library import open_library
from rag.index.plan import plan_build
from rag.index.update import update_index
from rag.models.cross_encoder import load_reranker
from rag.models.encoder import load_encoder
from rag.models.loading import Models
from rag.settings import load_settings
from rag.types import Filters, Overrides

_T = TypeVar("_T")


class _Clocked(StandInEncoder):
    """Keeps the seconds that it took itself, by the wall and by the CPU."""

    wall = cpu = 0.0

    def __init__(self) -> None:
        encoder = load_encoder()
        wall, cpu = perf_counter(), process_time()
        super().__init__(encoder)
        self.wall, self.cpu = perf_counter() - wall, process_time() - cpu

    def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[Any]:
        """Encode texts."""
        wall, cpu = perf_counter(), process_time()
        found = super().encode_documents(texts)
        self.wall += perf_counter() - wall
        self.cpu += process_time() - cpu
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Index papers, or ask questions; prints JSON lines of the seconds of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["index", "ask"])
    parser.add_argument("home", type=Path)
    parser.add_argument("file", type=Path, help="papers, or questions, as JSON Lines")
    parser.add_argument("--since", type=int, help="ask for papers since this year")
    parser.add_argument("--depth", type=int, default=0, help="papers that the cross-encoder reads (0)")
    given = parser.parse_args(arguments)
    (_index if given.command == "index" else _ask)(given)
    return 0


def _index(given: argparse.Namespace) -> None:
    configuration = load_settings({"home": given.home})
    folder = IndexFolder(given.home)
    encoder = cache(_Clocked)
    plan = _timed("read", lambda: plan_build(folder, configuration, [given.file], datetime.now(UTC)))
    with folder.locked(lambda: None):
        summary = _timed("update", lambda: update_index(folder, plan, lambda: Models(encoder())))
    used = encoder() if encoder.cache_info().currsize else _Clocked
    _say("encode", wall=used.wall, cpu=used.cpu, papers=summary.added + summary.replaced)


def _ask(given: argparse.Namespace) -> None:
    settings = load_settings({"home": given.home, "rerank_depth": given.depth}).settings
    models = Models(StandInEncoder(load_encoder()), load_reranker() if given.depth else None)
    engine = _timed("open", lambda: Engine(settings, open_library(settings), models))
    overrides = Overrides(filters=Filters(since=f"{given.since}")) if given.since else Overrides()

    def ask(question: str) -> Answer:
        return next(each.answer for each in engine.ask(question, overrides, use_llm=False) if isinstance(each, Done))

    questions = read_questions(given.file)
    _timed("first", lambda: ask(questions[0]))
    for question in questions:
        wall, cpu = perf_counter(), process_time()
        answer = ask(question)
        _say("question", wall=perf_counter() - wall, cpu=process_time() - cpu, stages_ms=dict(answer.timings_ms))


def _timed(step: str, work: Callable[[], _T]) -> _T:
    wall, cpu = perf_counter(), process_time()
    found = work()
    _say(step, wall=perf_counter() - wall, cpu=process_time() - cpu)
    return found


def _say(step: str, **values: Any) -> None:
    sys.stdout.write(json.dumps({"step": step, **values}) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
