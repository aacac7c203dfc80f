"""`python -m eval.training.encoder STEP WORK`: make the encoder from the training material, step by step.

Steps: collect (CPU), teach (a GPU; once for each teacher of kinds and tags), train (a GPU), export, check and
read (CPU).
The lists come from the cross-encoder's examples, and its teachers' logits for them from the same folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.training.common.command import StepParser, run_step
from eval.training.encoder import steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step."""
    return run_step(_parser(), arguments)


def _parser() -> StepParser:
    parser = StepParser("python -m eval.training.encoder", __doc__)
    part = parser.add_step(steps.collect, "Gather the marked questions and their variants.")
    part.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the training material")
    part.add_argument("--names", type=Path, metavar="FILE", help="papers whose authors are put into questions")
    part.add_argument("--titles", type=int, default=500, help="titles to learn as lookups (500)")
    part.add_argument("--limit", type=int, help="use only the first so many questions of each split")
    for step, meaning, epochs, rate in (
        (steps.teach, "Train a teacher of kinds and tags, and let it judge every question.", 6, 5e-5),
        (steps.train, "Train the encoder.", 10, 1e-4),
    ):
        part = parser.add_training(step, meaning, epochs, rate)
        part.add_argument("--projection", type=Path, metavar="FILE", help="start of the projection (.npy, width x 128)")
        part.add_argument("--questions", type=int, default=64, help="marked questions a step (64)")
        part.add_argument("--distil", type=float, default=0.5, help="weight of the lists' teachers (0.5)")
        part.add_argument("--teachers", nargs="+", default=[], metavar="NAME", help="teachers of kinds and tags")
        part.add_argument("--without", nargs="+", default=[], choices=("lists", "questions", "late", "dense"))
        part.add_argument("--cross", type=Path, metavar="DIR", help="work folder of the cross-encoder")
        part.add_argument("--list-teachers", nargs="+", default=[], metavar="NAME", help="its teachers to learn from")
        part.add_argument(
            "--collections", nargs="+", type=Path, default=[], metavar="DIR", help="BEIR folders to measure"
        )
        part.add_argument("--gold", type=Path, metavar="FILE")
        part.add_argument("--papers", type=Path, metavar="FILE", help="the gold file's papers as JSON Lines")
    parser.add_export(steps.export)
    part = parser.add_step(steps.check, "Measure the exported model on the held-out part.")
    part.add_argument("--cross", type=Path, required=True, metavar="DIR")
    part.add_argument("--out", type=Path, required=True, metavar="DIR")
    part.add_argument("--threads", type=int, default=1)
    part.add_argument("--gold", type=Path, metavar="FILE")
    part.add_argument("--papers", type=Path, metavar="FILE")
    part = parser.add_step(steps.read, "Measure the filters that the product reads, and how long it takes.")
    part.add_argument("--model", type=Path, metavar="DIR", help="folder of the exported model (the product's)")
    part.add_argument("--data", type=Path, metavar="DIR", help="folder of the training material")
    part.add_argument(
        "--questions", type=Path, metavar="FILE", help="instead: marked questions, such as eval/gold/reading.jsonl"
    )
    part.add_argument("--split", choices=("choose", "held"), default="held")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
