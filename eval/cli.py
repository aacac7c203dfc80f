"""The arguments of `citedesk eval`; light, for `citedesk --help` reads this too."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from eval import bench_cli, written_cli
from eval.counts import count
from rag.cli.options import add_writing
from rag.cli.recall_option import add_recall

if TYPE_CHECKING:
    from rag.settings import Configuration

Add = Callable[[str, str, str], ArgumentParser]


def add_parsers(parser: ArgumentParser) -> None:
    """Add the subcommands of `eval` to its parser."""
    commands = parser.add_subparsers(dest="eval_command", required=True, metavar="COMMAND")

    def add(name: str, meaning: str, examples: str) -> ArgumentParser:
        added = commands.add_parser(
            name,
            help=meaning,
            description=meaning,
            epilog=f"examples:\n{examples}",
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        added.add_argument("--home", type=Path, metavar="DIR", help="folder that holds the index (CITEDESK_HOME)")
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        added.add_argument("--json", action="store_true", help="print one JSON object")
        return added

    _add_run(add)
    _add_compare(add)
    _add_report(add)
    bench_cli.add_parsers(add)
    written_cli.add_parsers(add)


def dispatch(parsed: Namespace, configuration: Configuration) -> int:
    """Run the subcommand that was named; gives the exit code."""
    command: Callable[[Namespace, Configuration], int] = getattr(
        import_module(getattr(parsed, "commands", "eval.commands")), parsed.eval_command
    )  # heavy
    return command(parsed, configuration)


def _add_run(add: Add) -> None:
    run = add(
        "run",
        "Ask gold questions, keep a row of each, and write a report.",
        "  citedesk eval run --gold eval/gold/dev.jsonl --out runs/today\n"
        "  citedesk eval run --gold eval/gold/dev.jsonl eval/gold/conversations.jsonl --out runs/all --no-llm\n"
        "  citedesk eval run --gold eval/gold/dev.jsonl --out runs/fast --retrieval-only\n"
        "  citedesk eval run --gold eval/gold/dev.jsonl --out runs/parts --llm-mode per-paper --sample 20\n"
        "A run that was stopped goes on when the same command is given again.",
    )
    run.add_argument("--gold", nargs="+", type=Path, required=True, metavar="FILE", help="files of gold questions")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the rows and the report")
    run.add_argument(
        "--no-llm", dest="llm", action="store_false", help="answer extractively even if an endpoint is set"
    )
    some = run.add_mutually_exclusive_group()
    some.add_argument("--limit", type=count, metavar="N", help="ask only the first N questions")
    some.add_argument("--sample", type=count, metavar="N", help="ask only N questions, spread evenly over the files")
    add_recall(run)
    run.add_argument("--retrieval-only", action="store_true", help="search, and answer nothing")
    run.add_argument("--quiet", action="store_true", help="show no progress bar")
    run.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    run.add_argument("--llm-base-url", metavar="URL", help="OpenAI-compatible endpoint (CITEDESK_LLM_BASE_URL)")
    run.add_argument("--llm-model", metavar="NAME", help="model to ask it for (CITEDESK_LLM_MODEL)")
    add_writing(run)


def _add_compare(add: Add) -> None:
    compare = add(
        "compare",
        "Show what changed from run A to run B; fail where a named measure got worse by more than its margin.",
        "  citedesk eval compare eval/baseline runs/fast\n"
        "  citedesk eval compare eval/baseline runs/fast --measure ndcg@10 --measure recall@20 --margin 0.02",
    )
    compare.add_argument("a", type=Path, metavar="A", help="folder of the run before")
    compare.add_argument("b", type=Path, metavar="B", help="folder of the run after")
    compare.add_argument(
        "--measure", action="append", default=[], metavar="NAME", help="measure that must not get worse; repeatable"
    )
    compare.add_argument(
        "--margin",
        action="append",
        default=[],
        type=_margin,
        metavar="X",
        help="how much worse it may get (0); one for all measures, or one for each in their order",
    )


def _add_report(add: Add) -> None:
    report = add(
        "report",
        "Write a run's report.html, report.md and report.json anew, also for a run that was stopped.",
        "  citedesk eval report runs/today",
    )
    report.add_argument("directory", type=Path, metavar="DIR", help="folder of the run")


def _margin(text: str) -> float:
    number = float(text)
    if not number >= 0:
        raise ValueError
    return number


_margin.__name__ = "margin"
