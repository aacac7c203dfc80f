"""`citedesk doctor`: check the installation, and show the settings in force."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.cli.options import Subparsers, add_command, add_embed_model, add_json
from rag.cli.output import print_result, terminal_width, with_home

if TYPE_CHECKING:
    from rag.settings import Configuration


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "doctor",
        "Check the installation, and show the settings in force.",
        "  citedesk doctor\n  citedesk doctor --json",
    )
    add_embed_model(parser)
    add_json(parser)
    parser.set_defaults(run="rag.cli.doctor:doctor")


def doctor(arguments: Namespace, configuration: Configuration) -> int:
    """Print each check with its remedy, and the settings; returns 1 where a check failed."""
    from rag.cli.installation import examine, report_to_json, report_to_text

    checks = [replace(each, detail=with_home(each.detail, arguments.home)) for each in examine(configuration)]
    print_result(
        arguments,
        lambda: report_to_json(checks, configuration),
        lambda: report_to_text(checks, configuration, terminal_width()),
    )
    return 0 if all(check.state != "fail" for check in checks) else 1
