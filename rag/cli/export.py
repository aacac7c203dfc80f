"""`citedesk export`: write indexed papers in a form that other programs read."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag.cli.options import Subparsers, add_command, add_paper_filters
from rag.cli.output import note
from rag.cli.questions import read_filters, read_text
from rag.errors import UsageError
from rag.settings import Configuration
from rag.types import Paper

if TYPE_CHECKING:
    from rag.index.papers import PaperStore

_FORMS = ("jsonl", "bibtex", "ris", "csl", "csv", "markdown")


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "export",
        "Write indexed papers to stdout: all, those that meet filters, or those of an answer.",
        "  citedesk export > papers.jsonl\n"
        "  citedesk export --format bibtex --since 2024 --with-code > recent.bib\n"
        "  citedesk export --format ris 2205.14135 10.1145/3600006.3613165\n"
        "  citedesk ask 'which papers cut KV-cache memory' --json > answer.json\n"
        "  citedesk export --format csl --answer answer.json",
    )
    parser.add_argument("papers", nargs="*", metavar="PAPER", help="a paper_id, DOI, arXiv id or citation key (all)")
    parser.add_argument(
        "--format", choices=_FORMS, default="jsonl", metavar="FORM", help=f"{', '.join(_FORMS)} (jsonl); csl is JSON"
    )
    parser.add_argument(
        "--answer",
        metavar="FILE",
        help="only the papers that an answer cites: what `ask --json` printed; - reads stdin",
    )
    add_paper_filters(parser)
    parser.set_defaults(run="rag.cli.export:export")


def export(arguments: Namespace, configuration: Configuration) -> int:
    """Print the papers that are asked for."""
    from rag.index.generations import IndexFolder
    from rag.index.papers import open_papers

    filters = read_filters(arguments)
    papers = open_papers(IndexFolder(configuration.settings.home).current())
    chosen = [papers[paper_id] for paper_id in _chosen(arguments, papers)]
    chosen = [paper for paper in chosen if filters.admits(paper)]
    if not chosen:
        note("No paper meets this: nothing is written.")
    sys.stdout.write(_write(arguments.format, chosen))
    return 0


def _chosen(arguments: Namespace, papers: PaperStore) -> list[str]:
    """Return the ids of the papers that are named and those of the answer, or of all; raises UsageError."""
    if not arguments.papers and arguments.answer is None:
        return list(papers)
    ids = [paper_id for name in arguments.papers for paper_id in _named(name, papers)]
    if arguments.answer is not None:
        ids += [paper_id for paper_id in _cited(arguments.answer) if paper_id in papers]
    return list(dict.fromkeys(ids))


def _named(name: str, papers: PaperStore) -> list[str]:
    from rag.corpus.ids import asked_ids
    from rag.generation.export.entry import citation_key

    if name in papers:
        return [name]
    found = papers.ids_at(papers.papers_with_any("id", asked_ids(name)))
    found = found or [paper.paper_id for paper in papers.values() if citation_key(paper) == name]
    if not found:
        raise UsageError(f"No indexed paper has the id {name!r}: `citedesk search` prints paper_ids.")
    return found


def _cited(source: str) -> Iterator[str]:
    """Yield the ids in what `ask --json` or `search --json` printed: of the papers cited, or found."""
    text = read_text(source, "--answer")
    try:
        answers = [json.loads(text)]
    except ValueError:
        try:
            answers = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise UsageError(f"--answer {source} is not JSON as `citedesk ask --json` prints it.") from None
    for answer in answers:
        listed: Any = (answer.get("citations") or answer.get("hits") or []) if isinstance(answer, dict) else []
        yield from (str(each["paper_id"]) for each in listed if isinstance(each, dict) and "paper_id" in each)


def _write(form: str, papers: list[Paper]) -> str:
    if form == "jsonl":
        from rag.corpus.files import to_json_lines
        from rag.corpus.records import paper_to_record

        return to_json_lines(map(paper_to_record, papers))
    from rag.answer import Citation
    from rag.render.document import write_papers

    numbered = [Citation(None, paper) for paper in papers]
    return write_papers(form, numbered, whole=True)  # type: ignore[arg-type]
