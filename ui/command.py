"""`citedesk ui`: serve the chat and the HTTP API, or add a user. Imported by `--help`, so nothing heavy is."""

from __future__ import annotations

import socket
import sys
from argparse import Namespace
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.cli.options import Subparsers, add_command, whole_number
from rag.cli.output import note
from rag.errors import CitedeskError, UsageError
from rag.settings import Configuration
from ui.monitoring.log_lines import LOG_LEVELS

if TYPE_CHECKING:
    from ui.engine_holder import SessionEndpoints

PORT = 7860


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "ui",
        "Serve the chat in the browser, and the same functions over HTTP. Ctrl-C stops it.",
        "  citedesk ui\n  citedesk ui --open --port 8000\n  citedesk ui --add-user ada --users users.txt\n"
        "  citedesk ui --host 0.0.0.0 --users users.txt",
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    parser.add_argument(
        "--port", type=whole_number(0, 65535), default=PORT, metavar="N", help=f"port; 0 takes a free one ({PORT})"
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="evaluation report to show (that of the last `eval run`)"
    )
    parser.add_argument("--mcp", action="store_true", help="also serve MCP clients, at /mcp")
    parser.add_argument(
        "--log-level", choices=LOG_LEVELS, default="warning", help="how much to log; info: each request (warning)"
    )
    who = parser.add_argument_group("access", "On loopback no login is required; on any other address one of these is.")
    who.add_argument(
        "--users", type=Path, metavar="FILE", help="require a login; FILE has a line name:hash for each user"
    )
    who.add_argument("--add-user", metavar="NAME", help="read a password, add its hash to --users, and exit")
    who.add_argument("--trust-header", metavar="NAME", help="take the user name from this header, which a proxy sets")
    who.add_argument("--no-login", action="store_true", help="allow anyone who can reach the address")
    who.add_argument("--name", action="append", default=[], metavar="HOST", help="host name of the site (repeatable)")
    who.add_argument("--root-path", default="", metavar="PATH", help="path below which a proxy serves the site")
    who.add_argument("--proxy", action="append", metavar="ADDRESS", help="proxy to trust (loopback; repeatable)")
    who.add_argument(
        "--session-endpoints",
        nargs="?",
        const="public",
        choices=("public", "any"),
        help="let each session configure its own endpoint, which this server then calls: at a public address, or any "
        "(as on loopback)",
    )
    who.add_argument("--open-metrics", action="store_true", help="show /metrics without a login")
    parser.set_defaults(run="ui.command:serve_or_add_user")


def serve_or_add_user(arguments: Namespace, configuration: Configuration) -> int:
    """Serve until interrupted, or add a user."""
    if arguments.add_user is not None:
        return _add_user(arguments.add_user, arguments.users)
    configuration.settings.check_endpoint()
    from ui.behind_proxy import parse_root_path
    from ui.login.access import LOOPBACK, choose_access, is_loopback

    access = choose_access(
        arguments.host,
        arguments.users,
        arguments.trust_header,
        arguments.no_login,
        arguments.proxy or LOOPBACK,
        arguments.name,
    )
    root_path = parse_root_path(arguments.root_path)
    # With a name or a path of its own the site is reached from elsewhere, through a proxy on this machine.
    own = is_loopback(arguments.host) and not (access.users or access.header or arguments.name or root_path)
    with _listen(arguments.host, arguments.port) as listener:
        from ui.server import Serving, serve  # after the port is taken
        from ui.site import SiteOptions

        endpoints: SessionEndpoints = "any" if own else arguments.session_endpoints or "none"
        options = SiteOptions(
            access,
            endpoints,
            arguments.mcp,
            arguments.report,
            drafts=own,
            open_metrics=arguments.open_metrics,
            root_path=root_path,
        )
        serve(Serving(configuration.settings, listener, options, arguments.open, arguments.log_level))
    return 0


def _add_user(name: str, file: Path | None) -> int:
    from ui.login.users import add_user

    if file is None:
        raise UsageError("--add-user needs the file to write to: give --users FILE.")
    password = getpass(f"Password of {name}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    add_user(file, name, password)
    note(f"{name} is in {file}")
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything slow happens; raises UsageError where the address is none, or it is taken."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except socket.gaierror:
        raise UsageError(f"There is no address {host!r}. Give one of this machine, as in --host 127.0.0.1") from None
    except OSError as error:
        failure = f"Port {port} of {host} cannot be had: {error.strerror}."
        raise CitedeskError(f"{failure} Give another with --port, or --port 0 for a free one.") from None
