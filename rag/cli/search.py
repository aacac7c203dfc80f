"""`citedesk search`: rank the papers for a question."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rag.cli import questions
from rag.cli.options import (
    Subparsers,
    add_command,
    add_embed_model,
    add_filters,
    add_json,
    add_questions,
    add_recall,
    count,
)
from rag.cli.output import note, print_json, terminal_width
from rag.settings import Configuration
from rag.types import Turn


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "search",
        "Rank the papers for a question.",
        "  citedesk search 'KV cache compression' -k 5\n"
        "  citedesk search 'quantization' --since 2023 --until 2024 --json\n"
        "  citedesk search --questions questions.jsonl",
    )
    add_questions(parser)
    add_filters(parser)
    add_recall(parser)
    add_embed_model(parser)
    add_json(parser)
    parser.add_argument("-k", type=count, default=20, metavar="N", help="number of papers to show (20)")
    parser.set_defaults(run="rag.cli.search:search")


def search(arguments: Namespace, configuration: Configuration) -> int:
    """Print the ranked papers."""
    from rag.engine import build  # 3 s of imports
    from rag.render.json import search_to_json
    from rag.render.notices import notices_text
    from rag.render.terminal import hits_to_text, understood, understood_as

    questions.check_usage(arguments)
    overrides, history = questions.read_overrides(arguments), questions.read_history(arguments.history)
    settings = configuration.settings
    engine = build(replace(settings, pool=max(settings.pool, arguments.k)), use_llm=bool(settings.recall))

    def as_json(question: str, history: Sequence[Turn]) -> dict[str, Any]:
        found = engine.search(question, overrides, history)
        return search_to_json(found.query, found.hits[: arguments.k], found.timings_ms, found.notices, found.usage)

    if arguments.questions is not None:
        return questions.answer_each(arguments.questions, as_json)
    if arguments.json:
        print_json(as_json(arguments.question, history))
        return 0
    found = engine.search(arguments.question, overrides, history)
    screening = (
        "Nothing was screened: screening decides which papers an answer cites, not how they are ranked."
        if "screen" in (settings.recall or ())
        else None
    )
    for line in (understood_as(found.query), understood(found.query), notices_text(found.notices), screening):
        if line:
            note(line)
    sys.stdout.write(hits_to_text(found.hits[: arguments.k], terminal_width()))
    return 0
