"""`python -m eval.speed.warm HOME QUESTIONS [--fast] [--clients N]`: time questions to one open process of Citedesk.

Several clients ask the HTTP API of `citedesk ui` at once; one question after the other is asked in this process.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from eval.speed.clock import time_clients, time_each
from eval.speed.program import Site, running
from rag.answer import Answer, Done
from rag.engine import build
from rag.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the index, ask, and print the seconds of each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--clients", type=int, default=0, metavar="N", help="ask over HTTP, N at once")
    given = parser.parse_args(arguments)
    if given.clients:
        _over_http(given)
        return 0
    depth = {"rerank_depth": 0} if given.fast else {}
    engine = build(load_settings({"home": given.home, **depth}).settings, use_llm=False)

    def ask(question: str) -> Answer:
        return next(each.answer for each in engine.ask(question, use_llm=False) if isinstance(each, Done))

    time_each(given.questions, ask, lambda answer: {"kind": answer.query.kind, "stages_ms": dict(answer.timings_ms)})
    return 0


def _over_http(given: argparse.Namespace) -> None:
    """Print the questions that the API answers in a second, and the median seconds of one."""
    with running(Site(given.home)) as site:

        def ask(question: str) -> object:
            body = json.dumps({"question": question, "llm": False}).encode()
            request = urllib.request.Request(f"{site.url}api/ask", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)

        sys.stdout.write(json.dumps(time_clients(given.questions, ask, given.clients)) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
