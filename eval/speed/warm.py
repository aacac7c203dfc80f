"""`python -m eval.speed.warm HOME QUESTIONS [--fast]`: time each question in one process of Citedesk."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from eval.speed.clock import time_each
from rag.engine import build
from rag.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the index, ask, and print the seconds of each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--fast", action="store_true")
    given = parser.parse_args(arguments)
    depth = {"rerank_depth": 0} if given.fast else {}
    engine = build(load_settings({"home": given.home, **depth}).settings, use_llm=False)
    time_each(given.questions, lambda question: list(engine.ask(question, use_llm=False)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
