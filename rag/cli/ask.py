"""`citedesk ask`: answer a question with citations."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rag.cli import questions
from rag.cli.options import (
    Subparsers,
    add_command,
    add_embed_model,
    add_endpoint,
    add_filters,
    add_json,
    add_no_llm,
    add_questions,
    add_recall,
    add_writing,
)
from rag.cli.output import print_json, terminal_width
from rag.settings import Configuration
from rag.types import Turn

if TYPE_CHECKING:
    from rag.answer import Event


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "ask",
        "Answer a question with citations.",
        "  citedesk ask 'which papers cut KV-cache memory'\n  citedesk ask 'who trains with FP8?' --since 2024 --json\n"
        "  citedesk ask --questions - < questions.jsonl",
    )
    add_questions(parser)
    add_filters(parser)
    add_recall(parser)
    add_embed_model(parser)
    add_json(parser)
    add_no_llm(parser)
    add_endpoint(parser)
    add_writing(parser)
    parser.set_defaults(run="rag.cli.ask:ask")


def ask(arguments: Namespace, configuration: Configuration) -> int:
    """Print an answer as it is written, or as JSON."""
    from rag.answer import Done
    from rag.engine import build  # 3 s of imports

    questions.check_usage(arguments)
    overrides, history = questions.read_overrides(arguments), questions.read_history(arguments.history)
    engine = build(configuration.settings, use_llm=arguments.llm)

    def events(question: str, history: Sequence[Turn]) -> Iterator[Event]:
        return engine.ask(question, overrides, arguments.llm, history)

    def as_json(question: str, history: Sequence[Turn]) -> dict[str, Any]:
        from rag.render.json import answer_to_json

        return answer_to_json(next(event.answer for event in events(question, history) if isinstance(event, Done)))

    if arguments.questions is not None:
        return questions.answer_each(arguments.questions, as_json)
    if arguments.json:
        print_json(as_json(arguments.question, history))
        return 0
    # Striking and repairing change the text after it was streamed.
    _print_answer(events(arguments.question, history), stream=configuration.settings.unsupported == "mark")
    return 0


def _print_answer(events: Iterator[Event], stream: bool) -> None:
    """Print an answer; with `stream`, its lines once they are checked, and the final text again if it differs."""
    from rag.answer import Checked, Done, Token
    from rag.render.markdown import markdown_to_text
    from rag.render.terminal import answer_to_text, sources_to_text
    from rag.text.sanitize import strip_invisible

    text, shown, width = "", 0, terminal_width()
    for event in events:
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, Checked) and stream and (end := _whole_lines(text, shown, event.sentence.end)) > shown:
            sys.stdout.write(strip_invisible(markdown_to_text(text[shown : end - 1], width)) + "\n")
            sys.stdout.flush()
            shown = end
        elif isinstance(event, Done):
            if shown and text.rstrip() == event.answer.text:
                rest = strip_invisible(markdown_to_text(text[shown:].rstrip(), width))
                sys.stdout.write(rest + "\n" + sources_to_text(event.answer, width))
            else:
                void = "\n\n(The following replaces the text above.)\n\n" if shown else ""
                sys.stdout.write(void + answer_to_text(event.answer, width))


def _whole_lines(text: str, start: int, end: int) -> int:
    """Return where the last whole line before `end` ends; a table is shown as a whole."""
    at = text.rfind("\n", start, end) + 1
    while at > start and text[at:].lstrip(" ").startswith("|"):
        at = text.rfind("\n", start, at - 1) + 1
    return max(at, start)
