"""`python -m eval.training.entailment`: train the entailment model of rag/models/weights.

The steps run separately, since some need a GPU: collect, teach (GPU), train (GPU), export, check.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from eval.training.entailment import steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = _parser().parse_args(arguments)
    given.step(given)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.training.entailment", description=__doc__)
    parts = parser.add_subparsers(required=True, metavar="STEP")

    def add(step: Callable[[argparse.Namespace], None], meaning: str) -> argparse.ArgumentParser:
        part = parts.add_parser(step.__name__, help=meaning, description=meaning)
        part.set_defaults(step=step)
        part.add_argument("work", type=Path, help="folder for what the steps exchange")
        return part

    part = add(steps.collect, "Collect and pack the examples.")
    for name in ("arxiv", "scifact", "scitldr", "published"):
        part.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    part.add_argument(
        "--tokenizer", type=Path, required=True, metavar="FILE", help="tokenizer.json of all-MiniLM-L6-v2"
    )
    part.add_argument("--abstracts", type=int, default=45_000, help="arXiv abstracts to make examples of (45000)")
    for step, meaning, seconds in (
        (steps.teach, "Train the teacher, and save its probabilities for the examples.", 310),
        (steps.train, "Train the small model on labels and the teacher's probabilities.", 470),
    ):
        part = add(step, meaning)
        part.add_argument(
            "--checkpoint", type=Path, required=True, metavar="FILE", help="weights to start from (.safetensors)"
        )
        part.add_argument("--seconds", type=float, default=seconds, help=f"time to train ({seconds})")
        part.add_argument("--device", default="cuda")
    part = add(steps.export, "Quantize the small model, and write it.")
    part.add_argument("--out", type=Path, required=True, metavar="DIR")
    part = add(steps.check, "Show the shares of true and of wrong summaries that the exported model calls supported.")
    part.add_argument("--scitldr", type=Path, required=True, metavar="DIR")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
