"""`citedesk export`: write the indexed papers as JSON Lines."""

from __future__ import annotations

import sys
from argparse import Namespace

from rag.cli.options import Subparsers, add_command
from rag.settings import Configuration


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers, "export", "Write the indexed papers as JSON Lines to stdout.", "  citedesk export > papers.jsonl"
    )
    parser.set_defaults(run="rag.cli.export:export")


def export(arguments: Namespace, configuration: Configuration) -> int:
    """Print one JSON object for each indexed paper."""
    from rag.corpus.files import to_json_lines
    from rag.corpus.records import paper_to_record
    from rag.index.generations import IndexFolder
    from rag.index.library import load_papers

    papers = load_papers(IndexFolder(configuration.settings.home).current()).values()
    sys.stdout.write(to_json_lines(map(paper_to_record, papers)))
    return 0
