"""`python -m eval.training.selection STEP WORK`: fit the selection to groups that the two models have not learnt from.

Steps: fit (writes rag/models/weights/selection.json; minutes), check (measures held-out groups and other collections).
Both index their collections and keep what the cross-encoder read in WORK, by the hash of its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.training.common.command import StepParser, run_step
from eval.training.selection import steps
from rag.retrieval.scoring import WEIGHTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step."""
    return run_step(_parser(), arguments)


def _parser() -> StepParser:
    parser = StepParser("python -m eval.training.selection", __doc__)
    part = parser.add_step(steps.fit, "Fit the weights on the groups that are kept for choosing.")
    part.add_argument("--data", type=Path, metavar="DIR", help="folder of the training material")
    part.add_argument("--abstracts", type=Path, metavar="FILE", help="papers of our own questions (data/lists.jsonl)")
    part.add_argument("--out", type=Path, default=WEIGHTS, metavar="FILE", help="file to write (the shipped one)")
    part = parser.add_step(steps.check, "Measure ranking, cut, calibration and refusal on collections.")
    part.add_argument("--data", type=Path, metavar="DIR", help="training material: its held-out groups")
    part.add_argument("--abstracts", type=Path, metavar="FILE", help="papers of our own questions (data/lists.jsonl)")
    part.add_argument("--beir", type=Path, nargs="+", default=[], metavar="DIR", help="BEIR folders: their test parts")
    part.add_argument("--gold", type=Path, nargs="+", default=[], metavar="FILE", help="gold questions over --corpus")
    part.add_argument("--corpus", type=Path, metavar="PATH", help="papers of the gold questions")
    part.add_argument("--weights", type=Path, default=WEIGHTS, metavar="FILE", help="weights to measure (the shipped)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
