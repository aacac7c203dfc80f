"""The arguments of `citedesk eval plant` and `latency`; light: `--help` reads it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from eval.counts import count

Add = Callable[[str, str, str], ArgumentParser]


def add_parsers(add: Add) -> None:
    """Add the subcommands; `add` makes a parser of a name, a meaning and examples."""
    _add_plant(add).set_defaults(commands="eval.planted.command")
    _add_latency(add).set_defaults(commands="eval.latency.command")


def _add_plant(add: Add) -> ArgumentParser:
    parser = add(
        "plant",
        "Plant errors in true sentences, and show which the judge of written answers catches, and what it costs.",
        "  citedesk eval plant\n  citedesk eval plant --n 300 --seed 1 --json\n"
        "  citedesk eval plant --summaries scitldr --paraphrases paraphrases.jsonl",
    )
    parser.add_argument("--n", type=count, default=100, metavar="N", help="sentences of each form and kind (100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which sentences and errors are chosen (0)")
    parser.add_argument(
        "--paraphrases", type=Path, metavar="FILE", help='JSON Lines with "paper_id" or "title", and a true "sentence"'
    )
    parser.add_argument(
        "--summaries", type=Path, metavar="DIR", help="BEIR folder whose queries are true of their only document"
    )
    parser.add_argument("--split", default="test", metavar="NAME", help="which of its qrels to use (test)")
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    return parser


def _add_latency(add: Add) -> ArgumentParser:
    parser = add(
        "latency",
        "Show what writing adds to an endpoint's own time: until the first token, and for each.",
        "  citedesk eval latency\n  citedesk eval latency --n 100 --json",
    )
    parser.add_argument("--n", type=count, default=30, metavar="N", help="questions, asked of papers of the index (30)")
    parser.add_argument("--embed-model", metavar="NAME", help="model, folder or hub id (CITEDESK_EMBED_MODEL)")
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")
    return parser
