"""`citedesk ui`: its arguments, light enough for `citedesk --help`, and what it does."""

from __future__ import annotations

import re
import socket
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from rag.errors import CitedeskError, UsageError
from rag.settings import Configuration

PORT = 7860
EXAMPLES = (
    "  citedesk ui\n  citedesk ui --open --port 8000\n  citedesk ui --add-user ada --users users.txt\n"
    "  citedesk ui --host 0.0.0.0 --users users.txt"
)
MEANING = "Serve the chat in the browser, with the same functions over HTTP. Ctrl-C ends it."


def add_arguments(parser: ArgumentParser) -> None:
    """Add what `citedesk ui` takes."""
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"port; 0 takes a free one ({PORT})")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--report", type=Path, metavar="DIR", help="evaluation to show (that of the last `eval run`)")
    parser.add_argument("--mcp", action="store_true", help="serve the functions to MCP clients too, at /mcp")


def run(arguments: Namespace, configuration: Configuration) -> int:
    """Serve until interrupted."""
    from ui.server import Serving, serve

    with _listen(arguments.host, arguments.port) as listener:
        serve(Serving(configuration.settings, listener, arguments.open, arguments.report))
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything slow happens; raises UsageError where the address is none, or it is taken."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except socket.gaierror:
        raise UsageError(f"There is no address {host!r}. Give one of this machine, as in --host 127.0.0.1") from None
    except OSError as error:
        said = f"Port {port} of {host} cannot be had: {error.strerror}."
        raise CitedeskError(f"{said} Give another with --port, or --port 0 for a free one.") from None


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text) or int(text) > 65535:
        raise ArgumentTypeError(f"not a port of 0 to 65535: {text!r}")
    return int(text)
