"""Serves a model file on loopback with the OpenAI protocol: llama.cpp's server, inside this process."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ModelUnavailable, UsageError
from rag.local_llm.models import EXTRA
from rag.settings import environment_variable

HOST = "127.0.0.1"
PORT = 8080
CONTEXT = 8192
PARALLEL = 1  # each further slot reads the shared start of a prompt anew
_FIRST_TOKEN_SECONDS = 300  # reading a full context takes longer than an endpoint is waited for by default
_TOTAL_SECONDS = 900
_CACHE_MIB = 512  # of prompts that slots were taken from; llama.cpp's own default is 8192
_SILENT, _CHATTY = -1, 3  # llama.cpp's verbosity


@dataclass(frozen=True, slots=True)
class Serving:
    """What to serve and how: `context` is in tokens and holds for each of the `parallel` requests."""

    path: Path
    port: int = PORT
    context: int = CONTEXT
    parallel: int = PARALLEL
    debug: bool = False

    @property
    def model(self) -> str:
        """The name by which the model is asked for."""
        return self.path.stem


def serve(serving: Serving, ready: Callable[[str], None]) -> None:
    """Serve until an interrupt, which ends the process; raises ModelUnavailable or UsageError.

    `ready` gets the lines to set.
    """
    try:
        import xllamacpp  # 106 MB, and only in the extra
    except ImportError as error:
        raise ModelUnavailable(f"llama.cpp is not installed ({error}). Run `{EXTRA}`, or `make llm`.") from None
    _check_port(serving.port)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(serving.path)
    parameters.model_alias = {serving.model}
    parameters.hostnames = [HOST]
    parameters.port = serving.port
    parameters.n_ctx = serving.context * serving.parallel  # llama.cpp divides it among the slots
    parameters.n_parallel = serving.parallel
    parameters.cache_ram_mib = _CACHE_MIB
    parameters.cors_origins = f"http://{HOST}"  # by default any web page may ask
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = _CHATTY if serving.debug else _SILENT
    try:
        server = xllamacpp.Server(parameters)
    except RuntimeError:
        raise ModelUnavailable(
            f"llama.cpp cannot serve {serving.path}: no model in GGUF form, or not enough memory for it. "
            "Add --debug for what it says; a smaller --context or --parallel needs less memory."
        ) from None
    try:
        ready(environment(serving, server.listening_address))
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        os._exit(0)  # to end the server waits for the requests under way, a minute and more (xllamacpp 2026.10)


def environment(serving: Serving, address: str) -> str:
    """Give the lines that point Citedesk to the server, as a `.env` file has them."""
    values = {
        "llm_base_url": f"{address}/v1",
        "llm_model": serving.model,
        "llm_context": serving.context,
        "llm_first_token_timeout": _FIRST_TOKEN_SECONDS,
        "llm_total_timeout": _TOTAL_SECONDS,
        "llm_mode": "per-paper",
        "llm_parallel": serving.parallel,
    }
    return "\n".join(f"{environment_variable(name)}={value}" for name, value in values.items())


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise UsageError(f"Port {port} {why}. Name another with --port, or 0 for any that is free.") from None
