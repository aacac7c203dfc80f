"""What the command line takes: subcommands, flags, and the values that mean something."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, get_args

from rag import __version__
from rag.cli.recall_option import add_recall
from rag.settings import Mode, Unsupported
from rag.text.dates import first_day
from rag.types import CONSTRAINTS, Kind


class _Parser(ArgumentParser):
    """A parser that reports wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}. See `{self.prog} --help`.\n")


def make_parser() -> ArgumentParser:
    """Make the parser of all commands."""
    parser = _formatted(
        _Parser,
        prog="citedesk",
        description="Answers questions about a collection of paper abstracts, with citations that can be checked.",
        epilog="start:\n  citedesk index\n  citedesk ask 'which papers cut KV-cache memory'",
    )
    parser.add_argument("--version", action="version", version=f"citedesk {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = _adder(commands.add_parser)
    _add_index(command)
    _add_search(command)
    _add_ask(command)
    _add_ui(command)
    _add_eval(commands.add_parser)
    command("export", "Write the indexed papers as JSON Lines to stdout.", "  citedesk export > papers.jsonl")
    _add_llm(commands.add_parser)
    _add_doctor(command)
    return parser


_Command = Callable[[str, str, str], ArgumentParser]


def _adder(add_parser: Callable[..., ArgumentParser]) -> _Command:
    def command(name: str, meaning: str, examples: str) -> ArgumentParser:
        added = _formatted(add_parser, name, help=meaning, description=meaning, epilog=f"examples:\n{examples}")
        added.add_argument("--home", type=Path, metavar="DIR", help="folder that holds the index (CITEDESK_HOME)")
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return added

    return command


def _add_index(command: _Command) -> None:
    index = command(
        "index",
        "Build or update the index; what has not changed is not done again.",
        "  citedesk index\n  citedesk index ~/library/papers.jsonl\n  citedesk index --rebuild",
    )
    index.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="listing pages (.txt), papers (.jsonl), folders"
    )
    index.add_argument("--rebuild", action="store_true", help="start afresh, taking nothing over")
    index.add_argument("--quiet", action="store_true", help="show no progress bar")
    index.add_argument("--saved-year", type=int, metavar="YEAR", help="year of dates without one (CITEDESK_SAVED_YEAR)")
    _add_model(index)
    _add_json(index)


def _add_search(command: _Command) -> None:
    search = command(
        "search",
        "Rank the papers for a question.",
        "  citedesk search 'KV cache compression' -k 5\n"
        "  citedesk search 'quantization' --since 2023 --until 2024 --json\n"
        "  citedesk search --questions questions.jsonl",
    )
    _add_question(search)
    search.add_argument("-k", type=_positive, default=20, metavar="N", help="how many papers to show (20)")


def _add_ask(command: _Command) -> None:
    ask = command(
        "ask",
        "Answer a question with citations.",
        "  citedesk ask 'which papers cut KV-cache memory'\n  citedesk ask 'who trains with FP8?' --since 2024 --json\n"
        "  citedesk ask --questions - < questions.jsonl",
    )
    _add_question(ask)
    ask.add_argument(
        "--no-llm", dest="llm", action="store_false", help="answer extractively even if an endpoint is set"
    )
    ask.add_argument("--llm-base-url", metavar="URL", help="OpenAI-compatible endpoint (CITEDESK_LLM_BASE_URL)")
    ask.add_argument("--llm-model", metavar="NAME", help="model to ask it for (CITEDESK_LLM_MODEL)")
    add_writing(ask)


def add_writing(parser: ArgumentParser) -> None:
    """Add the flags that say how an endpoint writes, and what becomes of what no paper bears out."""
    parser.add_argument(
        "--llm-mode", choices=get_args(Mode), help="one request for all papers, or one for each (CITEDESK_LLM_MODE)"
    )
    parser.add_argument(
        "--unsupported",
        choices=get_args(Unsupported),
        help="what to do with sentences that no paper bears out (CITEDESK_UNSUPPORTED)",
    )


def _add_ui(command: _Command) -> None:
    from ui.command import EXAMPLES, MEANING, add_arguments  # here, for the library does not know the chat

    add_arguments(command("ui", MEANING, EXAMPLES))


def _add_eval(add_parser: Callable[..., ArgumentParser]) -> None:
    from eval.cli import add_parsers  # here, for the library does not know the evaluation

    meaning = "Measure how good the answers are, on questions whose answers are known."
    add_parsers(_formatted(add_parser, "eval", help=meaning, description=meaning))


def _add_llm(add_parser: Callable[..., ArgumentParser]) -> None:
    from rag.cli.llm import add_parsers

    meaning = "Get and serve a small language model of your own, to try written answers without a key."
    llm = _formatted(add_parser, "llm", help=meaning, description=meaning)
    add_parsers(_adder(llm.add_subparsers(dest="llm_command", required=True, metavar="COMMAND").add_parser))


def _add_doctor(command: _Command) -> None:
    doctor = command(
        "doctor",
        "Check the installation, and show the settings in force.",
        "  citedesk doctor\n  citedesk doctor --json",
    )
    _add_model(doctor)
    _add_json(doctor)


def _add_question(parser: ArgumentParser) -> None:
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="the question, in quotation marks")
    parser.add_argument("--questions", metavar="FILE", help='JSON Lines with "id" and "question"; - reads stdin')
    parser.add_argument(
        "--history",
        metavar="FILE",
        help="the conversation so far, for a follow-up: turns as JSON Lines, oldest first, as `ask --json` prints them",
    )
    _add_filters(parser)
    add_recall(parser)
    _add_model(parser)
    _add_json(parser)


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("--since", type=_date, metavar="DATE", help="only papers of this date or later, as in 2024-03")
    parser.add_argument("--until", type=_date, metavar="DATE", help="only papers of this date or earlier, as in 2024")
    parser.add_argument("--author", type=_name, metavar="NAME", help="only papers that this person wrote")
    parser.add_argument("--authors", type=_range, metavar="N|N-M|N-", help="only papers with so many authors")
    parser.add_argument(
        "--venue", type=_name, metavar="NAME", help='only papers that appeared there, as in "ICML 2023"'
    )
    parser.add_argument("--with-code", dest="code", action="store_true", default=None, help="only papers with code")
    parser.add_argument("--without-code", dest="code", action="store_false", help="only papers without code")
    parser.add_argument("--kind", choices=get_args(Kind), metavar="KIND", help=f"answer as {', '.join(get_args(Kind))}")
    parser.add_argument(
        "--drop",
        action="append",
        default=[],
        choices=list(CONSTRAINTS),
        metavar="FILTER",
        help=f"lift a filter that the question states: {', '.join(CONSTRAINTS)} (repeatable)",
    )
    parser.add_argument(
        "--fast",
        dest="rerank_depth",
        action="store_const",
        const=0,
        help="leave the cross-encoder out: a tenth of the time, a little less sharp (CITEDESK_RERANK_DEPTH=0)",
    )
    parser.add_argument("--as-is", action="store_true", help="take the question literally, reading no filter out of it")


def _add_model(parser: ArgumentParser) -> None:
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _formatted(make: Callable[..., ArgumentParser], *arguments: Any, **options: Any) -> ArgumentParser:
    return make(*arguments, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False, **options)


def _positive(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ArgumentTypeError(f"not a count of 1 or more: {text!r}")
    return int(text)


def _date(text: str) -> str:
    try:
        first_day(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def _name(text: str) -> str:
    if not re.search(r"\w", text):
        raise ArgumentTypeError(f"not a name: {text!r}")
    return text


def _range(text: str) -> tuple[int, int | None]:
    match = re.fullmatch(r"([1-9][0-9]{0,5})(?:(-)([1-9][0-9]{0,5})?)?", text)
    if not match:
        raise ArgumentTypeError(f"not a count, as in 1, 2-4 or 10-: {text!r}")
    least = int(match[1])
    most = None if match[2] and not match[3] else int(match[3] or least)
    if most is not None and least > most:
        raise ArgumentTypeError(f"{least} is more than {most}: swap them")
    return least, most
