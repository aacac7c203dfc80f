"""Serving of a GGUF file on loopback with the OpenAI API: llama.cpp's server, inside this process."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ModelUnavailable, UsageError
from rag.local_llm.registry import EXTRA
from rag.settings import environment_variable

HOST = "127.0.0.1"
PORT = 8080
CONTEXT = 8192
PARALLEL = 1  # each further slot processes the shared start of a prompt again
_FIRST_TOKEN_SECONDS = 300  # processing a full context takes longer than the default timeout
_TOTAL_SECONDS = 900
_CACHE_MIB = 512  # for the prompts of earlier requests; llama.cpp's own default is 8192
_QUIET, _VERBOSE = -1, 3  # llama.cpp's verbosity


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What to serve and how; `context` is in tokens, for each of the `parallel` requests."""

    path: Path
    port: int = PORT
    context: int = CONTEXT
    parallel: int = PARALLEL
    debug: bool = False

    @property
    def model(self) -> str:
        """The name of the model in requests."""
        return self.path.stem


def serve(options: ServeOptions, on_ready: Callable[[str], None]) -> None:
    """Serve until an interrupt, which ends the process; raises ModelUnavailable or UsageError.

    `on_ready` receives the settings of the endpoint as lines of a `.env` file.
    """
    try:
        import xllamacpp  # 106 MB, and only in the extra
    except ImportError as error:
        raise ModelUnavailable(f"llama.cpp is not installed ({error}). Run `{EXTRA}`, or `make llm`.") from None
    _check_port(options.port)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.path)
    parameters.model_alias = {options.model}
    parameters.hostnames = [HOST]
    parameters.port = options.port
    parameters.n_ctx = options.context * options.parallel  # llama.cpp divides it among the slots
    parameters.n_parallel = options.parallel
    parameters.cache_ram_mib = _CACHE_MIB
    parameters.cors_origins = f"http://{HOST}"  # by default any web page may send requests
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = _VERBOSE if options.debug else _QUIET
    try:
        server = xllamacpp.Server(parameters)
    except RuntimeError:
        raise ModelUnavailable(
            f"llama.cpp cannot serve {options.path}: it is not a GGUF model, or there is not enough memory for it. "
            "Add --debug for its messages; a smaller --context or --parallel needs less memory."
        ) from None
    try:
        on_ready(endpoint_env(options, server.listening_address))
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        os._exit(0)  # a clean shutdown waits for the running requests, a minute and more (xllamacpp 2026.10)


def endpoint_env(options: ServeOptions, address: str) -> str:
    """Return the settings that point Citedesk to the server, as lines of a `.env` file."""
    values = {
        "llm_base_url": f"{address}/v1",
        "llm_model": options.model,
        "llm_context": options.context,
        "llm_first_token_timeout": _FIRST_TOKEN_SECONDS,
        "llm_total_timeout": _TOTAL_SECONDS,
        "llm_mode": "per-paper",
        "llm_parallel": options.parallel,
    }
    return "\n".join(f"{environment_variable(name)}={value}" for name, value in values.items())


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise UsageError(f"Port {port} {why}. Choose another with --port, or 0 for any free one.") from None
