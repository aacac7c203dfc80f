"""The flags of `citedesk eval bench`, `verify`, `ablate` and `judge`, and a command line of their own.

What each does is in bench_commands, which is imported when one is run, so that --help stays light.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import CitedeskError
from rag.settings import load_settings

_SETTING_FLAGS = ("home", "embed_model", "llm_base_url", "llm_model")


@dataclass(frozen=True, slots=True)
class Subcommand:
    """A subcommand of `citedesk eval`; the function of its name in bench_commands runs it."""

    name: str
    meaning: str
    examples: str
    add_flags: Callable[[ArgumentParser], None]


def add_bench(parser: ArgumentParser) -> None:
    """Add the flags of `eval bench`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with corpus.jsonl, queries.jsonl, qrels.tsv")
    parser.add_argument("--split", default="test", metavar="NAME", help="which qrels to use: qrels_NAME.tsv (test)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the test set's index is kept (HOME/bench)")
    parser.add_argument(
        "--reference",
        action="store_true",
        help="the set-up of published figures: all-MiniLM-L6-v2, whole documents, k1 1.2, b 0.75",
    )
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    parser.add_argument("--chunk-tokens", type=int, metavar="N", help="tokens of a chunk (CITEDESK_CHUNK_TOKENS)")
    parser.add_argument("--chunk-overlap", type=int, metavar="N", help="their overlap (CITEDESK_CHUNK_OVERLAP)")
    parser.add_argument("--pool", type=int, metavar="N", help="papers each signal proposes (CITEDESK_POOL)")
    parser.add_argument("--k1", type=float, metavar="X", help="BM25: weight of a term's repetitions (1.5)")
    parser.add_argument("--b", type=float, metavar="X", help="BM25: discount of long papers, 0 to 1 (0.75)")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_verify(parser: ArgumentParser) -> None:
    """Add the flags of `eval verify`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="claim–abstract pairs with labels, JSON Lines")
    _add_judge(parser, "lexical")
    parser.add_argument("--train", type=Path, metavar="FILE", help="pairs on which the judge's threshold is chosen")


def add_ablate(parser: ArgumentParser) -> None:
    """Add the flags of `eval ablate`."""
    parser.add_argument("--gold", type=Path, nargs="+", required=True, metavar="FILE", help="gold questions")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where rankings are kept (HOME/ablate)")
    parser.add_argument("--fresh", action="store_true", help="rank anew instead of using what was kept")
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_judge(parser: ArgumentParser) -> None:
    """Add the flags of `eval judge`."""
    parser.add_argument("answers", type=Path, metavar="ANSWERS", help="what `ask --questions FILE` printed")
    parser.add_argument(
        "--calibrate", type=Path, required=True, metavar="FILE", help="labelled pairs that the judge is measured on"
    )
    _add_judge(parser, "llm")
    parser.add_argument("--llm-base-url", metavar="URL", help="OpenAI-compatible endpoint (CITEDESK_LLM_BASE_URL)")
    parser.add_argument("--llm-model", metavar="NAME", help="model to ask it for (CITEDESK_LLM_MODEL)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of SUBCOMMANDS by itself; returns 0 if all went well, 1 if it failed, 2 for what has no meaning."""
    try:
        parsed = _parser().parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    from eval import bench_commands  # here, so that --help stays light

    flags = {name: getattr(parsed, name, None) for name in _SETTING_FLAGS}
    try:
        return int(getattr(bench_commands, parsed.command)(parsed, load_settings(flags)))
    except CitedeskError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="citedesk eval", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for each in SUBCOMMANDS:
        added = commands.add_parser(
            each.name,
            help=each.meaning,
            description=each.meaning,
            epilog=f"examples:\n{each.examples}",
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        each.add_flags(added)
        added.add_argument("--home", type=Path, metavar="DIR", help="folder that holds the index (CITEDESK_HOME)")
    return parser


def _add_judge(parser: ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--judge", default=default, metavar="NAME", help=f"who judges: lexical, dense or llm ({default})"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="judge only N, chosen by a fixed seed")
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


SUBCOMMANDS = (
    Subcommand(
        "bench",
        "Score the ways of ranking on a public test set in BEIR's form.",
        "  citedesk eval bench scifact\n  citedesk eval bench scifact --reference --json",
        add_bench,
    ),
    Subcommand(
        "verify",
        "Measure a judge of claims on labelled claim–abstract pairs.",
        "  citedesk eval verify verify_dev.jsonl\n"
        "  citedesk eval verify verify_dev.jsonl --judge dense --train verify_train.jsonl",
        add_verify,
    ),
    Subcommand(
        "ablate",
        "Show which part of the ranking buys what.",
        "  citedesk eval ablate --gold eval/gold/dev.jsonl",
        add_ablate,
    ),
    Subcommand(
        "judge",
        "Let the endpoint judge the cited claims of answers, and show how far it can be trusted.",
        "  citedesk ask --questions questions.jsonl > answers.jsonl\n"
        "  citedesk eval judge answers.jsonl --calibrate verify_dev.jsonl --sample 100",
        add_judge,
    ),
)

if __name__ == "__main__":
    sys.exit(main())
