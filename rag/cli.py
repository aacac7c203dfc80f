"""The command line: reads arguments and settings, runs a command, and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

from rag import __version__
from rag.days import first_day
from rag.errors import CitedeskError, UsageError
from rag.recall.flag import add_recall
from rag.settings import Configuration, load_settings
from rag.types import CONSTRAINTS, Kind

_SETTING_FLAGS = ("home", "embed_model", "saved_year", "rerank_depth", "llm_base_url", "llm_model", "recall")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns 0 if all went well, 1 if it failed, 2 for wrong usage, 130 if it was interrupted."""
    _prepare_streams()
    try:
        parsed = _parser().parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        _check(parsed)
        flags = {name: getattr(parsed, name, None) for name in _SETTING_FLAGS}
        code = _run(parsed, load_settings(flags))
        sys.stdout.flush()  # so that a reader that went away, or a full disk, is met here
        return code
    except CitedeskError as error:
        return _fail(str(error), error.exit_code, parsed)
    except BrokenPipeError:
        _discard_output()
        return 1
    except OSError as error:
        _discard_output()
        return _fail(f"{error.strerror or error}. Free space or name another place, then run it again.", 1, parsed)
    except KeyboardInterrupt:
        return _fail("stopped", 130, parsed)
    except Exception as error:  # the one boundary: no traceback reaches a user who did not ask for it
        return _fail(f"{type(error).__name__}: {error}. Run it again with --debug and report this.", 1, parsed)


def _run(parsed: Namespace, configuration: Configuration) -> int:
    if parsed.command == "eval":
        from eval.cli import dispatch

        return dispatch(parsed, configuration)
    from rag import commands  # here, so that --help stays light

    command: Callable[[Namespace, Configuration], int] = getattr(commands, parsed.command)
    return command(parsed, configuration)


def _fail(message: str, code: int, parsed: Namespace) -> int:
    error = sys.exc_info()[1]
    if parsed.debug and error is not None and not isinstance(error, KeyboardInterrupt):
        raise error
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code


def _prepare_streams() -> None:
    """Write UTF-8 whatever the locale, and nowhere where a stream was closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the end
        getattr(sys, name).reconfigure(encoding="utf-8", errors="backslashreplace")


def _discard_output() -> None:
    """Let what is still buffered go nowhere, else Python complains again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check(parsed: Namespace) -> None:
    if parsed.command in ("search", "ask"):
        if (parsed.question is None) == (parsed.questions is None):
            raise UsageError("Give one question, or a file of them with --questions.")
        if parsed.question is not None and not parsed.question.strip():
            raise UsageError("The question is empty. Ask one, as in: which papers cut KV-cache memory")


class _Parser(ArgumentParser):
    """A parser that reports wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}. See `{self.prog} --help`.\n")


def _parser() -> ArgumentParser:
    parser = _formatted(
        _Parser,
        prog="citedesk",
        description="Answers questions about a collection of paper abstracts, with citations that can be checked.",
        epilog="start:\n  citedesk index\n  citedesk ask 'which papers cut KV-cache memory'",
    )
    parser.add_argument("--version", action="version", version=f"citedesk {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, meaning: str, examples: str) -> ArgumentParser:
        added = _formatted(
            commands.add_parser, name, help=meaning, description=meaning, epilog=f"examples:\n{examples}"
        )
        added.add_argument("--home", type=Path, metavar="DIR", help="folder that holds the index (CITEDESK_HOME)")
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return added

    _add_index(command)
    _add_search(command)
    _add_ask(command)
    _add_eval(commands.add_parser)
    command("export", "Write the indexed papers as JSON Lines to stdout.", "  citedesk export > papers.jsonl")
    _add_doctor(command)
    return parser


_Command = Callable[[str, str, str], ArgumentParser]


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


def _add_eval(add_parser: Callable[..., ArgumentParser]) -> None:
    from eval.cli import add_parsers  # here, for the library does not know the evaluation

    meaning = "Measure how good the answers are, on questions whose answers are known."
    add_parsers(_formatted(add_parser, "eval", help=meaning, description=meaning))


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
