"""The command line: reads arguments and settings, runs a command, and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from rag.cli.options import make_parser
from rag.errors import CitedeskError, UsageError
from rag.settings import Configuration, load_settings

_SETTING_FLAGS = (
    "home",
    "embed_model",
    "saved_year",
    "rerank_depth",
    "llm_base_url",
    "llm_model",
    "llm_mode",
    "unsupported",
    "recall",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns 0 if all went well, 1 if it failed, 2 for wrong usage, 130 if it was interrupted."""
    _prepare_streams()
    try:
        parsed = make_parser().parse_args(arguments)
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
    if parsed.command == "ui":
        from ui.command import run

        return run(parsed, configuration)
    if parsed.command == "llm":
        from rag.cli.llm import dispatch as dispatch_llm

        return dispatch_llm(parsed, configuration)
    from rag.cli import commands  # here, so that --help stays light

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
        if parsed.history is not None and parsed.questions is not None:
            raise UsageError('--history goes with one question; lines of --questions have a "history" each.')
        if parsed.recall and not getattr(parsed, "llm", True):
            raise UsageError("--recall needs the model that --no-llm leaves alone: give one of them.")
        if parsed.question is not None and not parsed.question.strip():
            raise UsageError("The question is empty. Ask one, as in: which papers cut KV-cache memory")
