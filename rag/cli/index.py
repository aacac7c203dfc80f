"""`citedesk index`: build or update the index."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rag.cli.options import Subparsers, add_command, add_embed_model, add_json, add_quiet
from rag.cli.output import embedding_bar, note, note_lock_wait, print_result, with_home
from rag.errors import CitedeskError
from rag.settings import Configuration, Device

if TYPE_CHECKING:
    from rag.index.generations import IndexFolder
    from rag.index.plan import BuildPlan
    from rag.models.loading import Models


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "index",
        "Build or update the index; only what changed is embedded again.",
        "  citedesk index\n  citedesk index ~/library/zotero.bib\n  citedesk index --dry-run ~/library\n"
        "  citedesk index --watch ~/library\n  citedesk index --rebuild",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="BibTeX, RIS, PubMed, CSV, JSON and other files of papers, or folders",
    )
    parser.add_argument("--rebuild", action="store_true", help="rebuild from scratch, without reusing embeddings")
    parser.add_argument("--abstracts-only", action="store_true", help="leave out papers without an abstract")
    parser.add_argument(
        "--embedded", type=Path, metavar="DIR", help="take papers that `python -m rag.index.bulk` has encoded from DIR"
    )
    parser.add_argument("--watch", action="store_true", help="update the index whenever the files change, until Ctrl-C")
    parser.add_argument("--dry-run", action="store_true", help="show what is read, and build nothing")
    parser.add_argument(
        "--explain", metavar="ID", help="say which records of a paper were merged, and why; build nothing"
    )
    add_quiet(parser)
    parser.add_argument(
        "--saved-year", type=int, metavar="YEAR", help="year of dates that lack one (CITEDESK_SAVED_YEAR)"
    )
    add_embed_model(parser)
    parser.add_argument("--device", choices=get_args(Device), help="where the included encoder runs (CITEDESK_DEVICE)")
    add_json(parser)
    parser.set_defaults(run="rag.cli.index:index")


def index(arguments: Namespace, configuration: Configuration) -> int:
    """Build or update the index, and print the counts of papers."""
    from rag.index.generations import IndexFolder
    from rag.models.loading import load_index_models

    settings = configuration.settings
    folder = IndexFolder(settings.home)
    if arguments.dry_run or arguments.explain:
        return _show(arguments, folder, configuration)

    @cache
    def load() -> Models:
        return load_index_models(settings)

    if arguments.watch:
        return _watch(arguments, folder, configuration, load)
    _update(arguments, folder, configuration, load)
    return 0


def _update(
    arguments: Namespace,
    folder: IndexFolder,
    configuration: Configuration,
    load: Callable[[], Models],
    printed: str | None = None,
) -> str:
    """Update the index; print what was done unless its generation is `printed`. Returns the generation."""
    from rag.index.update import update_index
    from rag.render.json import summary_to_json
    from rag.render.terminal import summary_to_text

    with folder.locked(note_lock_wait):
        plan = _plan(arguments, folder, configuration)
        progress = None if arguments.quiet else embedding_bar
        summary = update_index(folder, plan, load, progress)
    if summary.generation == printed:
        return printed
    if summary.rebuilt:
        note(f"all papers were embedded again: {summary.rebuilt}")
    for problem in summary.failed:
        note(f"failed: {problem}")
    print_result(arguments, lambda: summary_to_json(summary), lambda: summary_to_text(summary))
    return summary.generation


def _watch(arguments: Namespace, folder: IndexFolder, configuration: Configuration, load: Callable[[], Models]) -> int:
    """Update the index now and whenever its files change; a later update that fails is reported only."""
    from rag.corpus.watching import changes
    from rag.index.plan import sources_to_index

    printed = None
    try:
        for _ in changes(sources_to_index(folder, configuration, arguments.paths), folder.path.resolve()):
            try:
                generation = _update(arguments, folder, configuration, load, printed)
            except (CitedeskError, OSError) as error:
                if printed is None:
                    raise
                note(with_home(f"not updated: {error}", arguments.home))
                printed = ""
                continue
            if printed is None and not arguments.quiet:
                note("waiting for changes; Ctrl-C ends this")
            printed, arguments.rebuild = generation, False
    except KeyboardInterrupt:
        note("stopped watching")
    return 0


def _plan(arguments: Namespace, folder: IndexFolder, configuration: Configuration) -> BuildPlan:
    from rag.index.plan import plan_build

    now = datetime.now(UTC)
    plan = plan_build(folder, configuration, arguments.paths, now, arguments.rebuild, arguments.abstracts_only)
    return replace(plan, embedded=arguments.embedded)


def _show(arguments: Namespace, folder: IndexFolder, configuration: Configuration) -> int:
    """Print what would be read, or why the records of a paper are merged."""
    from rag.render import corpus_report

    corpus = _plan(arguments, folder, configuration).corpus
    if arguments.explain:
        wanted = arguments.explain
        print_result(
            arguments,
            lambda: corpus_report.explain_to_json(corpus, wanted),
            lambda: corpus_report.explain_to_text(corpus, wanted),
        )
        return 0
    for problem in corpus.problems:
        note(f"failed: {problem}")
    print_result(
        arguments, lambda: corpus_report.dry_run_to_json(corpus), lambda: corpus_report.dry_run_to_text(corpus)
    )
    return 0
