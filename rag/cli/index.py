"""`citedesk index`: build or update the index."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from rag.cli.options import Subparsers, add_command, add_embed_model, add_json, add_quiet
from rag.cli.output import embedding_bar, note, note_lock_wait, print_result
from rag.settings import Configuration


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "index",
        "Build or update the index; only what changed is embedded again.",
        "  citedesk index\n  citedesk index ~/library/papers.jsonl\n  citedesk index --rebuild",
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="listing pages (.txt), papers (.jsonl), folders"
    )
    parser.add_argument("--rebuild", action="store_true", help="rebuild from scratch, without reusing embeddings")
    add_quiet(parser)
    parser.add_argument(
        "--saved-year", type=int, metavar="YEAR", help="year of dates that lack one (CITEDESK_SAVED_YEAR)"
    )
    add_embed_model(parser)
    add_json(parser)
    parser.set_defaults(run="rag.cli.index:index")


def index(arguments: Namespace, configuration: Configuration) -> int:
    """Build or update the index, and print the counts of papers."""
    from rag.index.generations import IndexFolder
    from rag.index.plan import plan_build
    from rag.index.update import update_index
    from rag.models.loading import load_index_models
    from rag.render.json import summary_to_json
    from rag.render.terminal import summary_to_text

    settings = configuration.settings
    folder = IndexFolder(settings.home)
    with folder.locked(note_lock_wait):
        plan = plan_build(folder, configuration, arguments.paths, datetime.now(UTC), arguments.rebuild)
        progress = None if arguments.quiet else embedding_bar
        summary = update_index(folder, plan, lambda: load_index_models(settings), progress)
    if summary.rebuilt:
        note(f"all papers were embedded again: {summary.rebuilt}")
    for problem in summary.failed:
        note(f"failed: {problem}")
    print_result(arguments, lambda: summary_to_json(summary), lambda: summary_to_text(summary))
    return 0
