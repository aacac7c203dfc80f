"""`citedesk backup` and `citedesk restore`: the index and what users have put in, in one file."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.cli.options import Subparsers, add_command, add_json
from rag.cli.output import note, note_lock_wait, print_result, with_home
from rag.settings import Configuration

if TYPE_CHECKING:
    from rag.index.backup import Backup


def register(subparsers: Subparsers) -> None:
    """Add both commands."""
    backup = add_command(
        subparsers,
        "backup",
        "Save the index, the tuning, feedback and drafted questions in one file, also while a server runs.",
        "  citedesk backup citedesk.tar.gz\n  citedesk backup --home /var/lib/citedesk /backups/citedesk.tar.gz",
    )
    restore = add_command(
        subparsers,
        "restore",
        "Put a backup back; what is there stays in use until all of the backup is verified.",
        "  citedesk restore citedesk.tar.gz\n  citedesk restore --home /var/lib/citedesk /backups/citedesk.tar.gz",
    )
    for parser, help_text in ((backup, "file to write; one that exists is replaced"), (restore, "file to read")):
        parser.add_argument("file", type=Path, metavar="FILE", help=help_text)
        add_json(parser)
    backup.set_defaults(run="rag.cli.backup:backup")
    restore.set_defaults(run="rag.cli.backup:restore")


def backup(arguments: Namespace, configuration: Configuration) -> int:
    """Write a backup, and print what it holds."""
    from rag.index.backup import write_backup

    made = write_backup(configuration.settings.home, arguments.file, datetime.now(UTC), note_lock_wait)
    _note_server(made, configuration, "are not saved: save its data too")
    _print(arguments, made, f"saved in {arguments.file}")
    return 0


def restore(arguments: Namespace, configuration: Configuration) -> int:
    """Restore a backup, and print what it held."""
    from rag.index.backup import restore_backup

    made = restore_backup(arguments.file, configuration.settings.home, datetime.now(UTC), note_lock_wait)
    remedy = with_home("restore its data of the same time, or run `citedesk index --rebuild`", arguments.home)
    _note_server(made, configuration, f"were not restored: {remedy}")
    _print(arguments, made, f"restored to {configuration.settings.home}")
    return 0


def _note_server(backup: Backup, configuration: Configuration, message: str) -> None:
    """Say so where the index has its vectors on a server, which no backup holds."""
    from rag.index.generations import IndexFolder

    if backup.generation and (server := IndexFolder(configuration.settings.home).manifest().recipe.server):
        note(f"the vectors are on {server}, and {message}")


def _print(arguments: Namespace, backup: Backup, done: str) -> None:
    def to_json() -> dict[str, Any]:
        size = sum(file.bytes for file in backup.files.values())
        return {
            "created": backup.created,
            "generation": backup.generation,
            "files": list(backup.user_files),
            "bytes": size,
        }

    def to_text() -> str:
        index = f"index {backup.generation}" if backup.generation else "no index"
        return f"{done}: {', '.join((index, *backup.user_files))}\n"

    print_result(arguments, to_json, to_text)
