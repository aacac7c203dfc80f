"""`python -m eval.training.cross_encoder STEP WORK`: make the cross-encoder from the training material, step by step.

Steps: collect (CPU), teach (a GPU; once for each teacher), shorten (CPU, for the reranker), train (a GPU), export
(CPU), check (CPU). Each reads and writes files in the folder WORK; one whose result is there is left out unless
--again is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.training.common.command import StepParser, run_step
from eval.training.cross_encoder import steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step."""
    return run_step(_parser(), arguments)


def _parser() -> StepParser:
    parser = StepParser("python -m eval.training.cross_encoder", __doc__)
    part = parser.add_step(steps.collect, "Gather the examples.")
    part.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the training material")
    part.add_argument("--scifact", type=Path, metavar="DIR")
    part.add_argument("--scitldr", type=Path, metavar="DIR")
    part.add_argument("--planted", type=int, default=4000, help="sentences with a planted error (4000)")
    part.add_argument("--abstracts", type=Path, metavar="FILE", help="papers of data/claims.jsonl, and others")
    part.add_argument("--limit", type=int, help="use only the first so many questions and claims")
    part = parser.add_step(steps.shorten, "Write the lists with a few sentences of each document.")
    part.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the short examples")
    part.add_argument("--teachers", nargs="+", default=[], metavar="NAME", help="teachers whose logits are taken over")
    for step, meaning, epochs, rate in (
        (steps.teach, "Train a teacher, and let it judge every example.", 5, 5e-5),
        (steps.train, "Train the model that is kept on labels and teachers' logits.", 16, 2e-4),
    ):
        part = parser.add_training(step, meaning, epochs, rate)
        part.add_argument("--start-tokenizer", type=Path, metavar="FILE", help="of the weights, where it is another")
        part.add_argument("--four-bit-words", action="store_true", help="round the word pieces, and keep them so")
        part.add_argument("--soft", nargs="+", default=[], metavar="NAME[:HEAD,HEAD]", help="teachers to learn from")
        part.add_argument("--hard", nargs="+", default=[], metavar="NAME", help="teachers by whom negatives are drawn")
        part.add_argument("--only", choices=("verdicts", "questions"), help="learn from one kind of examples")
        part.add_argument("--rows", type=int, default=192)
        part.add_argument("--softness", type=float, default=0.6, help="weight of the teachers beside the labels (0.6)")
        part.add_argument(
            "--average", type=float, default=0.0, help="decay of a moving average of the weights (0: none)"
        )
        part.add_argument("--imitate", action="store_true", help="imitate the states of the layers that are kept, too")
    parser.add_export(steps.export)
    part = parser.add_step(steps.check, "Measure the exported model on the held-out part.")
    part.add_argument("--out", type=Path, required=True, metavar="DIR")
    part.add_argument("--units", type=int, help="measure only so many lists of each source")
    part.add_argument("--threads", type=int, default=1)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
