"""The command line of a training: one subcommand for each step, with the options that all steps have."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


class StepParser(argparse.ArgumentParser):
    """A parser whose subcommands are the steps of one training."""

    def __init__(self, prog: str, description: str | None) -> None:
        super().__init__(prog=prog, description=description)
        self._steps = self.add_subparsers(required=True, metavar="STEP", parser_class=argparse.ArgumentParser)

    def add_step(self, step: Callable[[argparse.Namespace], Any], meaning: str) -> argparse.ArgumentParser:
        """Add a step under the name of its function, and return its parser for further options."""
        part = self._steps.add_parser(step.__name__, help=meaning, description=meaning)
        part.set_defaults(step=step)
        part.add_argument("work", type=Path, help="folder for what passes from step to step")
        part.add_argument("--again", action="store_true", help="run the step though its result is there")
        part.add_argument("--seed", type=int, default=13)
        return part

    def add_training(
        self, step: Callable[[argparse.Namespace], Any], meaning: str, epochs: int, rate: float
    ) -> argparse.ArgumentParser:
        """Add a step that trains a network, with the options that all of them have."""
        part = self.add_step(step, meaning)
        part.add_argument("--name", default=step.__name__, help="name of the files written to the folder")
        part.add_argument("--start", type=Path, required=True, metavar="FILE", help=".onnx, .safetensors or .pt")
        part.add_argument("--tokenizer", type=Path, required=True, metavar="FILE")
        part.add_argument("--kind", choices=("bert", "mpnet"), default="bert")
        part.add_argument("--layers", type=int, nargs="+", metavar="N", help="layers to keep (all)")
        part.add_argument("--epochs", type=int, default=epochs)
        part.add_argument("--rate", type=float, default=rate)
        part.add_argument("--longest", type=int, default=384)
        part.add_argument("--seconds", type=float, help="end the decay of the rate after this time at the latest")
        part.add_argument("--share", type=float, default=1.0, help="share of the examples to learn from (1.0)")
        part.add_argument("--device", default="cuda")
        return part

    def add_export(self, step: Callable[[argparse.Namespace], Any]) -> None:
        """Add the step that exports what was trained."""
        part = self.add_step(step, "Write the trained model as int8 ONNX, with its tokenizer and metadata.")
        part.add_argument("--name", default="train")
        part.add_argument("--tokenizer", type=Path, required=True, metavar="FILE")
        part.add_argument("--out", type=Path, required=True, metavar="DIR")


def run_step(parser: StepParser, arguments: Sequence[str] | None) -> int:
    """Parse the arguments and run the step that they name; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    given = parser.parse_args(arguments)
    given.step(given)
    return 0


def is_done(result: Path, given: argparse.Namespace) -> bool:
    """Return whether a step's result is there, so that the step is skipped without --again."""
    if result.exists() and not given.again:
        _log.info("%s is there already", result)
        return True
    return False
