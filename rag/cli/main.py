"""The command line: parse arguments, load settings, run a command, turn errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from pkgutil import resolve_name

from rag import __version__
from rag.cli import ask, backup, doctor, export, index, llm, search
from rag.cli.options import SETTING_OPTIONS, CommandParser
from rag.cli.output import note, with_home
from rag.errors import CitedeskError
from rag.settings import Configuration, load_settings

ONE_THREAD = "1"
"""Threads of numpy's products, which it reads when it is loaded: all here are small, and more threads only spin."""

_EXTRA_OF = {"ir_measures": "eval", "scipy": "eval"}  # what only some commands need


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `citedesk` with the given arguments, those of the process by default; returns the exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", ONE_THREAD)
    return run(make_parser, arguments)


def make_parser() -> ArgumentParser:
    """Build the parser of all commands."""
    from eval.command import register as register_eval  # local imports: the library imports neither package
    from eval.speed.bench import register as register_bench
    from ui.command import register as register_ui

    parser: ArgumentParser = CommandParser(
        prog="citedesk",
        description="Answer questions about a collection of paper abstracts, with citations that can be checked.",
        epilog="get started:\n  citedesk index\n  citedesk ask 'which papers cut KV-cache memory'",
    )
    parser.add_argument("--version", action="version", version=f"citedesk {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    index.register(subparsers)
    search.register(subparsers)
    ask.register(subparsers)
    register_ui(subparsers)
    register_eval(subparsers)
    register_bench(subparsers)
    export.register(subparsers)
    llm.register(subparsers)
    backup.register(subparsers)
    doctor.register(subparsers)
    return parser


def run(make_parser: Callable[[], ArgumentParser], arguments: Sequence[str] | None = None) -> int:
    """Run the command that the parsed arguments name in `run`, "package.module:function".

    Returns 0 for success, 1 for a failure, 2 for wrong usage, 130 for an interrupt.
    """
    _prepare_streams()
    try:
        parsed = make_parser().parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        configuration = load_settings({option: getattr(parsed, option, None) for option in SETTING_OPTIONS})
        command: Callable[[Namespace, Configuration], int] = resolve_name(parsed.run)
        code = command(parsed, configuration)
        sys.stdout.flush()  # raises here if the pipe is closed or the disk is full
        return code
    except CitedeskError as error:
        return _fail(str(error), error.exit_code, parsed)
    except BrokenPipeError:
        _discard_output()
        return 1
    except OSError as error:
        _discard_output()
        return _fail(f"{error.strerror or error}. Free space or name another path, then run it again.", 1, parsed)
    except KeyboardInterrupt:
        return _fail("stopped", 130, parsed)
    except ModuleNotFoundError as error:
        extra = _EXTRA_OF.get((error.name or "").partition(".")[0])
        remedy = f"Run `pip install 'citedesk[{extra}]'`." if extra else "Install Citedesk again."
        return _fail(f"{error.name} is not installed. {remedy}", 1, parsed)
    except Exception as error:  # the one boundary: no traceback unless the user asked for it
        return _fail(f"{type(error).__name__}: {error}. Run it again with --debug and report this.", 1, parsed)


def _fail(message: str, code: int, parsed: Namespace) -> int:
    error = sys.exc_info()[1]
    if parsed.debug and error is not None and not isinstance(error, KeyboardInterrupt):
        raise error
    note("error: " + with_home(" ".join(message.split()), parsed.home))
    return code


def _prepare_streams() -> None:
    """Write UTF-8 regardless of the locale, and replace closed streams by the null device."""
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:
            setattr(sys, stream, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the end
        getattr(sys, stream).reconfigure(encoding="utf-8", errors="backslashreplace")


def _discard_output() -> None:
    """Discard buffered output; otherwise Python reports the same error again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
