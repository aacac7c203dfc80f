"""Options shared by several commands, and parsers of their values. Imported by `--help`, so without heavy imports.

A command module has `register(subparsers)`, which ends in `set_defaults(run="package.module:function")`.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias, get_args

from rag.settings import RECALL_STEPS, LLMCheck, Mode, RecallStep, Unsupported, parse_recall
from rag.text.dates import first_day
from rag.types import DROPPABLE, Kind

Subparsers: TypeAlias = "_SubParsersAction[ArgumentParser]"

SETTING_OPTIONS = (
    "home",
    "embed_model",
    "device",
    "saved_year",
    "rerank_depth",
    "llm_base_url",
    "llm_model",
    "llm_mode",
    "unsupported",
    "llm_check",
    "recall",
)
"""Options that override the setting of the same name."""


class CommandParser(ArgumentParser):
    """An argument parser without abbreviations, which reports wrong usage in one line and exits with 2."""

    def __init__(self, **options: object) -> None:
        super().__init__(formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Print the message and exit."""
        stray = message.removeprefix("unrecognized arguments: ")
        if stray != message and not stray.startswith("-"):
            message += " (a question of several words stands in quotes)"
        self.exit(2, f"error: {message}. See `{self.prog} --help`.\n")


def add_command(subparsers: Subparsers, name: str, description: str, examples: str) -> ArgumentParser:
    """Add a command with the options that every command has."""
    parser = subparsers.add_parser(name, help=description, description=description, epilog=f"examples:\n{examples}")
    add_common(parser)
    return parser


def add_command_group(subparsers: Subparsers, name: str, description: str) -> Subparsers:
    """Add a command with subcommands."""
    parser = subparsers.add_parser(name, help=description, description=description)
    return parser.add_subparsers(dest=f"{name}_command", required=True, metavar="COMMAND")


def add_common(parser: ArgumentParser) -> None:
    """Add --home and --debug."""
    parser.add_argument("--home", type=Path, metavar="DIR", help="folder of the index (CITEDESK_HOME)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def add_json(parser: ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_quiet(parser: ArgumentParser) -> None:
    """Add --quiet."""
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def add_embed_model(parser: ArgumentParser) -> None:
    """Add --embed-model."""
    parser.add_argument(
        "--embed-model", metavar="NAME", help="embedding model: a name, folder or hub id (CITEDESK_EMBED_MODEL)"
    )


def add_questions(parser: ArgumentParser) -> None:
    """Add the question, --questions and --history."""
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="the question, in quotation marks")
    parser.add_argument("--questions", metavar="FILE", help='JSON Lines with "id" and "question"; - reads stdin')
    parser.add_argument(
        "--history",
        metavar="FILE",
        help="earlier turns of the conversation, for a follow-up question: JSON Lines as `ask --json` prints them, "
        "oldest first",
    )


def add_paper_filters(parser: ArgumentParser) -> None:
    """Add the filters."""
    parser.add_argument("--since", type=date, metavar="DATE", help="only papers from this date on, as in 2024-03")
    parser.add_argument("--until", type=date, metavar="DATE", help="only papers up to this date, as in 2024")
    parser.add_argument("--author", type=name, metavar="NAME", help="only papers by this author")
    parser.add_argument(
        "--coauthor",
        dest="coauthors",
        action="append",
        default=[],
        type=name,
        metavar="NAME",
        help="only papers by this author too (repeatable)",
    )
    parser.add_argument(
        "--authors", type=count_range, metavar="N|N-M|N-", help="only papers with this number of authors"
    )
    parser.add_argument(
        "--venue", type=name, metavar="NAME", help='only papers published at a venue, as in "ICML 2023"'
    )
    parser.add_argument("--organisation", type=name, metavar="NAME", help="only papers from this organisation")
    parser.add_argument("--not-date", type=date, metavar="DATE", help="no papers of this year, month or day")
    for excluded in ("author", "venue", "organisation"):
        parser.add_argument(f"--not-{excluded}", type=name, metavar="NAME", help=f"no papers with this {excluded}")
    parser.add_argument("--with-code", dest="code", action="store_true", default=None, help="only papers with code")
    parser.add_argument("--without-code", dest="code", action="store_false", help="only papers without code")


def add_filters(parser: ArgumentParser) -> None:
    """Add the filters, and the options that override what is understood from the question."""
    add_paper_filters(parser)
    kinds = get_args(Kind)
    parser.add_argument("--kind", choices=kinds, metavar="KIND", help=f"kind of question: {', '.join(kinds)}")
    parser.add_argument(
        "--drop",
        action="append",
        default=[],
        choices=DROPPABLE,
        metavar="FILTER",
        help="ignore a filter that the question states, an excluded topic, an order, a count, the papers that a "
        f"follow-up is about, or what it does to them: {', '.join(DROPPABLE)} (repeatable)",
    )
    parser.add_argument(
        "--fast",
        dest="rerank_depth",
        action="store_const",
        const=0,
        help="skip the cross-encoder: a quarter of the time, but it refuses little (CITEDESK_RERANK_DEPTH=0)",
    )
    parser.add_argument("--as-is", action="store_true", help="take the question literally: derive no filter from it")


def add_recall(parser: ArgumentParser) -> None:
    """Add --recall."""
    parser.add_argument(
        "--recall",
        type=recall_steps,
        metavar="STEP,…",
        help=f"let the endpoint's model help find papers: {', '.join(RECALL_STEPS)}, or none (CITEDESK_RECALL)",
    )


def add_no_llm(parser: ArgumentParser, instead: str = "answer extractively") -> None:
    """Add --no-llm."""
    parser.add_argument(
        "--no-llm", dest="llm", action="store_false", help=f"{instead} even if an endpoint is configured"
    )


def add_endpoint(parser: ArgumentParser) -> None:
    """Add --llm-base-url and --llm-model."""
    parser.add_argument("--llm-base-url", metavar="URL", help="OpenAI-compatible endpoint (CITEDESK_LLM_BASE_URL)")
    parser.add_argument("--llm-model", metavar="NAME", help="model to request from the endpoint (CITEDESK_LLM_MODEL)")


def add_writing(parser: ArgumentParser) -> None:
    """Add --llm-mode, --unsupported and --llm-check."""
    parser.add_argument(
        "--llm-mode",
        choices=get_args(Mode),
        help="one request for all papers, or one for each paper (CITEDESK_LLM_MODE)",
    )
    parser.add_argument(
        "--unsupported",
        choices=get_args(Unsupported),
        help="what to do with sentences that no paper supports (CITEDESK_UNSUPPORTED)",
    )
    parser.add_argument(
        "--llm-check",
        choices=get_args(LLMCheck),
        help="let the model check its sentences once more, with one request (CITEDESK_LLM_CHECK)",
    )


def count(text: str) -> int:
    """Parse a positive integer."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ArgumentTypeError(f"not a count of 1 or more: {text!r}")
    return int(text)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of integers between two bounds, both inclusive and not negative."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ArgumentTypeError(f"not a whole number from {least} to {most}: {text!r}")
        return int(text)

    return parse


def date(text: str) -> str:
    """Validate an ISO date: a year, month or day."""
    try:
        first_day(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def name(text: str) -> str:
    """Validate a name: it contains a letter or digit."""
    if not re.search(r"\w", text):
        raise ArgumentTypeError(f"not a name: {text!r}")
    return text


def count_range(text: str) -> tuple[int, int | None]:
    """Parse `N`, `N-M` or `N-` into the least and the greatest count; None where there is no upper bound."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})(?:(-)([1-9][0-9]{0,5})?)?", text)
    if not match:
        raise ArgumentTypeError(f"not a count, as in 1, 2-4 or 10-: {text!r}")
    least = int(match[1])
    most = None if match[2] and not match[3] else int(match[3] or least)
    if most is not None and least > most:
        raise ArgumentTypeError(f"{least} is more than {most}: swap them")
    return least, most


def recall_steps(text: str) -> tuple[RecallStep, ...]:
    """Parse comma-separated recall steps."""
    try:
        return parse_recall(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
